import { relative } from 'node:path'

/** As a person in this folder would name it. */
export function nearPath(path: string): string {
  const near = relative(process.cwd(), path)
  return near.startsWith('..') ? path : near
}

import { visible } from './visible.ts'

/** Text that an agent or another outsider wrote: on its own for bidirectional text, with nothing hidden in it. */
export function Foreign({ text, code }: { readonly text: string; readonly code?: boolean }) {
  return <bdi className={code ? 'foreign code' : 'foreign'}>{visible(text)}</bdi>
}

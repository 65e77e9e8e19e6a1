// Colour where it is wanted: on a terminal, and not where NO_COLOR (https://no-color.org) says otherwise.

export interface Paint {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
  accent(text: string): string
}

type Environment = Readonly<Record<string, string | undefined>>

/** An empty NO_COLOR counts as unset. */
export const wantsColour = (stream: { readonly isTTY?: boolean }, env: Environment): boolean =>
  stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'

export function createPaint(colour: boolean): Paint {
  const code =
    (open: string) =>
    (text: string): string =>
      colour && text !== '' ? `\x1b[${open}m${text}\x1b[0m` : text
  return { bold: code('1'), dim: code('2'), good: code('32'), bad: code('31'), accent: code('1;33') }
}

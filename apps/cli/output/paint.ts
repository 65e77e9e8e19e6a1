// Colours, only where a person looks at a terminal and has not said NO_COLOR (https://no-color.org).

export interface Paint {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
}

const wrap = (code: number, end: number) => (text: string) => `\u001b[${code}m${text}\u001b[${end}m`
const plain = (text: string) => text

/** env: NO_COLOR and TERM are looked at. terminal: whether the stream is one. */
export function createPaint(env: Readonly<Record<string, string | undefined>>, terminal: boolean): Paint {
  if (!terminal || env['NO_COLOR'] || env['TERM'] === 'dumb')
    return { bold: plain, dim: plain, red: plain, green: plain, yellow: plain }
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39), green: wrap(32, 39), yellow: wrap(33, 39) }
}

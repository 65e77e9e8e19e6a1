// What others wrote must not steer the terminal: control, direction, zero-width and tag characters are shown as escapes.

const hidden =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu

const escapedUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** By UTF-16 units, as JSON writes them. */
const escaped = (character: string): string => character.split('').map(escapedUnit).join('')

/** The text with nothing invisible in it; line breaks and tabs stay. */
export const visible = (text: string): string => text.replace(hidden, escaped)

/** The same on one line. */
export const visibleLine = (text: string): string => visible(text).replace(/[\n\t]/g, ' ')

/** JSON that stays the same JSON. spaces: indentation, 0 for one line. */
export function safeJson(value: unknown, spaces: number): string {
  return JSON.stringify(value, null, spaces).replace(hidden, escaped)
}

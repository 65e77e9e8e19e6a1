// JSON for lines that programs write and people look at. Whatever strangers put into a text can neither begin a line of its own nor
// steer a terminal: control, direction and zero-width characters stand there as escapes, so it stays the same JSON.

/** What JSON.stringify leaves as it is and eyes do not see, or see elsewhere. */
const hidden = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu
const notAscii = /[^\u0020-\u007e]/g

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
const escapedAll = (text: string): string => text.replace(/[\s\S]/g, escaped)

/** On one line, with nothing invisible in it. */
export const plainJson = (value: unknown): string => JSON.stringify(value).replace(hidden, escapedAll)

/** The same in printable ASCII alone: for systems that may read it in any encoding. */
export const asciiJson = (value: unknown): string => JSON.stringify(value).replace(notAscii, escaped)

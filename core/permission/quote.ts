// What strangers wrote, made fit to be shown: reasons travel as OAuth `error_description`, which allows only printable
// ASCII without `"` and `\` (RFC 6749 § 5.2); sentences for humans must not be turned round by bidi or hidden characters.

const MAX_QUOTED = 80

/** Text cut to 80 characters, what `error_description` forbids replaced by `?`, in single quotes. */
export function quote(text: string): string {
  return `'${plain(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text)}'`
}

/** Text with every character that `error_description` forbids replaced: `"` by `'`, all others by `?`. */
export function plain(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, '?')
}

/** A constant as JSON, with control, format (bidi) and other invisible characters written as escapes. */
export function show(value: string | number | boolean): string {
  return JSON.stringify(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, c => `\\u{${c.codePointAt(0)!.toString(16)}}`)
}

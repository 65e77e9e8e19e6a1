// Names and tasks are written by agents. React escapes them as HTML; this shows what could otherwise hide or reorder text
// (control, format and bidirectional characters), and cuts what would fill the page.

const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu
const longest = 300

/** The text with each such character as its code point, like ⟨202E⟩, and at most 300 characters of it. */
export function visible(text: string): string {
  const shown = text.replace(unseen, character => `⟨${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`)
  const characters = [...shown]
  return characters.length > longest ? `${characters.slice(0, longest).join('')}…` : shown
}

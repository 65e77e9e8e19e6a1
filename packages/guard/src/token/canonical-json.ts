// RFC 8785 for values that came out of `parseStrictObject`: well-formed strings, finite numbers, no cycles, 32 deep at most.
// For these it is no more than sorted names, since JSON.stringify writes strings and numbers as the RFC wants them (§ 3.2.2).
// Written here because the library for it asks for a newer Node than those who install this package may have.

/** The canonical text of a JSON value. Members that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  // By UTF-16 code units, which is what `<` compares (§ 3.2.3).
  members.sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`
}

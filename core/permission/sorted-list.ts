// Set-like arrays: without duplicates, sorted by UTF-16 code unit (JavaScript's default order), so that equal sets are
// equal bytes and comparing two of them is one merge.

/** The same items without duplicates in UTF-16 code unit order. */
export function sortedSet(items: readonly string[]): readonly string[] {
  return items.length < 2 ? items.slice() : [...new Set(items)].sort()
}

/** Whether every item of `a` is in `b`. Both sorted; were one not, the answer could only be a wrong no. */
export function isSortedSubset(a: readonly string[], b: readonly string[]): boolean {
  let j = 0
  for (const item of a) {
    while (j < b.length && b[j]! < item) j++
    if (b[j] !== item) return false
  }
  return true
}

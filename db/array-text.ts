/** A PostgreSQL array as text, for items that need no quotes: uuids, hex, numbers, plain words. Cast it: `${arrayText(ids)}::text::uuid[]`. */
export const arrayText = (items: readonly (string | number)[]): string => `{${items.join(',')}}`

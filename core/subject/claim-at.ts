/**
 * The claim at a dotted path. Names may hold dots themselves (`kubernetes.io.pod.uid` is `{"kubernetes.io":{"pod":{"uid":…}}}`),
 * so each split is tried, the longest name first. Only own members are looked at. Numbers and booleans come back as text;
 * anything else that is not a string is undefined.
 */
export function claimAt(claims: unknown, path: string): string | undefined {
  return findClaim(claims, path, asText)
}

/** As `claimAt`, for a claim of any kind: `read` gives the value, or undefined for what is none. */
export function findClaim<T>(claims: unknown, path: string, read: (value: unknown) => T | undefined): T | undefined {
  if (typeof claims !== 'object' || claims === null) return undefined
  const members = claims as Record<string, unknown>
  if (Object.hasOwn(members, path)) return read(members[path])
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const head = path.slice(0, dot)
    if (!Object.hasOwn(members, head)) continue
    const found = findClaim(members[head], path.slice(dot + 1), read)
    if (found !== undefined) return found
  }
  return undefined
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

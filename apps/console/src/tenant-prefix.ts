/** @param path of a URL. @returns '' or '/t/<slug>', to be put before every path of this tenant. */
export function tenantPrefix(path: string): string {
  return /^\/t\/[^/]+(?=\/|$)/.exec(path)?.[0] ?? ''
}

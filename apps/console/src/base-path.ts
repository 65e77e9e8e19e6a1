// The first tenant's console lies at the root, every other's under `/t/<slug>`. Which one this is says the address alone.

/** @param path of a URL. @returns '' or '/t/<slug>', to be put before every path of this tenant. */
export function tenantPrefix(path: string): string {
  return /^\/t\/[^/]+(?=\/|$)/.exec(path)?.[0] ?? ''
}

export const prefix: string = typeof location === 'undefined' ? '' : tenantPrefix(location.pathname)

/** The issuer of a tenant: the base URL itself for the first one, `<base>/t/<slug>` for the others. baseUrl: no slash at its end. */
export function issuerOf(baseUrl: string, tenant: { readonly slug: string; readonly isFirst: boolean }): string {
  return tenant.isFirst ? baseUrl : `${baseUrl}/t/${tenant.slug}`
}

/** Whether a URI is one of this deployment's own: an issuer of whichever tenant, or something below one. */
export function isOwnUri(baseUrl: string, uri: string): boolean {
  return uri === baseUrl || uri.startsWith(`${baseUrl}/`)
}

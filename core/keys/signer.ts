/** Signs JWTs with one key. One signer is kept for each key, since preparing a key costs more than signing with it. */
export interface Signer {
  readonly kid: string
  readonly alg: 'ES256' | 'RS256'
  /** payload: a JSON object as text; typ: the JOSE header's `typ`. Resolves to the compact JWS; off the main thread. */
  sign(payload: string, typ: string): Promise<string>
}

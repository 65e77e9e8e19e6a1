// What a client is made with.

import type { ClientCertificate } from './broker-connection.ts'
import type { ClientAssertionOptions } from './client-assertion.ts'
import type { ProgressStep } from './progress.ts'
import type { RetryOptions } from './retry.ts'
import type { SigningKeyOptions } from './signing-key.ts'

/** Options of `createMayflyClient`. */
export interface MayflyClientOptions {
  /** The broker's name; its token endpoint is then found (RFC 8414), with a certificate the one for mutual TLS (RFC 8705 § 5). */
  readonly issuer?: string
  /** The token endpoint itself, in place of `issuer`. https. */
  readonly tokenEndpoint?: string
  /** Client certificate and key, PEM. Tokens are then bound to it and useless without it. */
  readonly certificate?: ClientCertificate
  /** Authorities that may vouch for broker and resources, PEM; replaces the system's list. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /**
   * Bind tokens to a key by DPoP (RFC 9449), also without a certificate. `true`: a new P-256 key for this client's life. A key that
   * the agent's registration names, or its workload token's `cnf`, is given here.
   */
  readonly dpop?: true | SigningKeyOptions
  /** Authenticate as the agent itself, by a key that its registration names (private_key_jwt). Needs `issuer`. */
  readonly clientAssertion?: ClientAssertionOptions
  /**
   * The workload's own credential, or how to read it: read anew before each exchange, because such tokens rotate. May be left out
   * with `clientAssertion`: then the agent itself is the subject.
   */
  readonly subjectToken?: string | ((options: { readonly signal: AbortSignal | undefined }) => string | Promise<string>)
  /** Default `urn:ietf:params:oauth:token-type:jwt`. */
  readonly subjectTokenType?: string
  /**
   * In place of `subjectToken`, for an agent that nobody registered: some work opens its account, where the broker takes strangers.
   * Needs `issuer`, and `dpop` or `certificate` as its key.
   */
  readonly stranger?: true
  readonly retry?: RetryOptions
  /** Told of each step on the way to a token: for a spinner, a log, a trace. It never sees a token. What it throws is ignored. */
  readonly onProgress?: (step: ProgressStep) => void
  /** Deadline of one request to the broker. Default 10,000. */
  readonly timeoutMs?: number
}

/** Throws a TypeError where the options contradict each other. */
export function checkOptions(options: MayflyClientOptions): void {
  const address = options.tokenEndpoint ?? options.issuer
  if (address === undefined || (options.tokenEndpoint !== undefined && options.issuer !== undefined)) {
    throw new TypeError('give either issuer or tokenEndpoint')
  }
  if (!URL.canParse(address) || new URL(address).protocol !== 'https:') throw new TypeError('the broker is reached by https only')
  if (options.clientAssertion && options.issuer === undefined) {
    throw new TypeError('clientAssertion needs issuer, the only audience that an assertion may have')
  }
  if (options.stranger && (options.issuer === undefined || !(options.dpop || options.certificate))) {
    throw new TypeError('a stranger needs issuer, and a key: dpop or certificate')
  }
  if (options.subjectToken === undefined && !options.clientAssertion && !options.stranger) {
    throw new TypeError('give subjectToken, or clientAssertion where the agent itself is the subject')
  }
}

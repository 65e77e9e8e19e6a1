// The request that a proxy asks about. Only a proxy that the operator named is believed, and only in the headers that it sets
// itself; they are taken out before the guard sees the rest, which is the caller's own.

import type { IncomingMessage } from 'node:http'
import { readCertificateHeaders } from '#apps/broker/tls/certificate-headers.ts'
import { plainAddress, type TrustedProxy } from '#apps/broker/tls/trusted-proxies.ts'
import { peerThumbprint } from '../../packages/guard/src/adapters/node.ts'
import type { GuardedRequest } from '../../packages/guard/src/index.ts'
import { parseLivePath } from '../../packages/guard/src/permission/live-path.ts'
import type { GuardProxyConfig } from './config.ts'

const maxBodyBytes = 1_048_576

/** The proxy at the other end of this connection; undefined for everybody else. */
export function findProxy(proxies: readonly TrustedProxy[], { socket }: IncomingMessage): TrustedProxy | undefined {
  const address = plainAddress(socket.remoteAddress ?? '')
  const own = peerThumbprint(socket)
  return proxies.find(({ contains, certificate }) => contains(address) && (certificate === undefined || certificate === own))
}

/** Reads the request that is asked about. Undefined where the proxy does not say enough: then it is set up wrongly. */
export function readForwarded(
  request: IncomingMessage,
  proxy: TrustedProxy,
  config: Pick<GuardProxyConfig, 'methodHeader' | 'targetHeader' | 'bodies'>,
): GuardedRequest | undefined {
  const isEnvoy = proxy.format === 'envoy'
  const { methodHeader, targetHeader } = config
  const headers = { ...request.headersDistinct }
  const method = isEnvoy ? request.method : onlyOne(headers[methodHeader])
  const url = isEnvoy ? request.url : onlyOne(headers[targetHeader])
  if (!method || !url) return undefined
  if (!isEnvoy) for (const name of [methodHeader, targetHeader]) delete headers[name]
  return {
    method,
    url,
    headers,
    certificate: certificateOf(request, proxy),
    scope: isEnvoy ? undefined : scopesOf(request.url ?? '', url),
    // Without the body there is nothing to hold against a digest: such grants are refused.
    body: isEnvoy && config.bodies && isWholeBody(request) ? () => readBody(request) : undefined,
  }
}

/**
 * What nginx's location says that it needs, in the address of the question, which no caller can reach. Nothing where the path is not
 * plain: nginx finds the location by what it makes of the path, and hands on the path as it came.
 */
function scopesOf(target: string, asked: string): readonly string[] | undefined {
  if (!parseLivePath(asked)) return undefined
  const scopes = new URL(target, 'http://guard').searchParams.getAll('scope').flatMap(text => text.split(' '))
  return scopes.length > 0 ? scopes : undefined
}

/** Only where the proxy says that it verified the certificate. */
function certificateOf({ headers }: IncomingMessage, proxy: TrustedProxy): Buffer | undefined {
  const { verifiedHeader, format, certificateHeader } = proxy
  if (!verifiedHeader || headers[verifiedHeader.name] !== verifiedHeader.value) return undefined
  return readCertificateHeaders(headers, format, certificateHeader)?.[0]
}

const onlyOne = (values: readonly string[] | undefined): string | undefined => (values?.length === 1 ? values[0] : undefined)

/** Envoy says whether it cut the body off. */
const isWholeBody = ({ headersDistinct }: IncomingMessage): boolean =>
  onlyOne(headersDistinct['x-envoy-auth-partial-body']) === 'false'

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > maxBodyBytes) throw new Error('the body is larger than 1 MiB')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

// A service that gives each account a drawer to put things in, as a company may have one of its own: the other side of a
// `webhook` connector. It believes nobody but calls that this broker signed (Standard Webhooks, Ed25519).

import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Drawers {
  /** Where the connector sends its steps. */
  readonly url: string
  /** Accounts that have a drawer now, `acct_…`. */
  readonly owners: () => readonly string[]
  /** `whpk_…`, as the connector's registration showed it. Before that everything is refused. */
  trust(publicKey: string): void
  close(): Promise<void>
}

interface Call {
  readonly type: string
  readonly data: { readonly attachment: string; readonly account: string }
}

/** Listens on loopback. */
export async function startDrawers(tls: { readonly certPem: string; readonly keyPem: string }): Promise<Drawers> {
  const drawers = new Map<string, { owner: string; password: string }>()
  let key: string | undefined
  const server = createServer({ cert: tls.certPem, key: tls.keyPem }, async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const header = (name: string): string => String(incoming.headers[`webhook-${name}`] ?? '')
    const isSigned = key !== undefined && isSignedBy(key, `${header('id')}.${header('timestamp')}.${text}`, header('signature'))
    const answer = isSigned ? carryOut(JSON.parse(text) as Call) : undefined
    outgoing.writeHead(answer ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  })

  /** Each step may come twice, and is then the same. */
  function carryOut({ type, data: { attachment, account } }: Call): object {
    if (type === 'attachment.destroy')
      return drawers.delete(attachment) ? { destroyed: [{ what: 'drawer', count: 1 }] } : { destroyed: [] }
    if (type !== 'attachment.provision' && type !== 'attachment.rotate') return {}
    const drawer = { owner: account, password: randomBytes(18).toString('base64url') }
    drawers.set(attachment, drawer)
    return { access: { drawer: attachment, password: drawer.password } }
  }

  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/steps`,
    owners: () => [...drawers.values()].map(({ owner }) => owner),
    trust: publicKey => {
      key = publicKey
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

/** signatures: separated by spaces, `v1a,<base64>` each. */
function isSignedBy(publicKey: string, content: string, signatures: string): boolean {
  const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return signatures
    .split(' ')
    .filter(signature => signature.startsWith('v1a,'))
    .some(signature => verify(null, Buffer.from(content), key, Buffer.from(signature.slice('v1a,'.length), 'base64')))
}

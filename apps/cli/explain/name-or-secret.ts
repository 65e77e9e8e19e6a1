// Ids name things and are no secret; secrets open things and carry a checksum. Both say by their prefix what they are.

import { crc32 } from 'node:zlib'
import { type Explanation, lines } from './explanation.ts'

const ids: Readonly<Record<string, readonly [kind: string, next: string]>> = {
  ten: ['tenant', 'mayfly tenants get'],
  src: ['trust source', 'mayfly trust-sources get'],
  agt: ['agent', 'mayfly agents get'],
  res: ['resource', 'mayfly resources get'],
  idp: ['sign-in provider', 'mayfly sign-in-providers get'],
  chg: ['change that needs two people', 'mayfly changes get'],
  acct: ['temporary account', 'mayfly account show'],
  crd: ['credential', ''],
  psn: ['person', 'mayfly people list'],
  at: ['token', ''],
  txn: ['transaction', ''],
  req: ['request, as in the log of the broker', ''],
  key: ['key', 'mayfly keys list'],
  join: ['join token', ''],
  rcv: ['receiver of security events', 'mayfly receivers get'],
  evs: ['stream of security events', 'mayfly streams get'],
  dlt: ['security event that was set aside', ''],
}

const secrets: Readonly<Record<string, readonly [kind: string, end: string]>> = {
  mfo: ['operator token', 'mayfly operators delete NAME'],
  mfs: ['session of somebody who signed in', 'mayfly logout'],
  mfr: ["credential of a resource's guard", 'mayfly resources credentials delete RESOURCE ID'],
  mfb: ['bootstrap token', 'it ends by itself within the hour'],
  mfj: ['join token', 'mayfly agents join-tokens delete AGENT ID'],
  mfa: ['credential of one account, for its holder', 'mayfly account revoke ID'],
  mfe: ['credential of a receiver of security events', 'mayfly receivers token RECEIVER'],
  mfc: ['secret that claims an account', 'it ends with its account'],
}

/** What an id or a secret is, by its form; undefined for other texts. A secret is not repeated. */
export function explainNameOrSecret(text: string): Explanation | undefined {
  const [, prefix = ''] = /^([a-z]{2,5})_[0-9a-f]{32}$/.exec(text) ?? []
  const id = ids[prefix]
  if (id) {
    const [kind, next] = id
    return {
      kind: `id of a ${kind}`,
      facts: { id: text },
      lines: lines([
        ['Made', new Date(Number.parseInt(text.slice(prefix.length + 1, prefix.length + 13), 16)).toISOString()],
        ['Secret', 'no: it names, and opens nothing'],
        ['See', next && `${next} ${text}`],
      ]),
    }
  }
  const [, body = '', kind = '', sum = ''] = /^((mf[a-z])_[A-Za-z0-9_-]{43})_([0-9a-f]{8})$/.exec(text) ?? []
  const secret = secrets[kind]
  if (!secret) return undefined
  const isWhole = crc32(body).toString(16).padStart(8, '0') === sum
  return {
    kind: secret[0],
    facts: { secret: true, checksum: isWhole },
    lines: lines([
      ['Secret', 'yes: keep it to yourself. It was not sent anywhere to find this out'],
      ['Whole', isWhole ? 'its checksum fits; whether it still works only the broker knows' : 'NO: it was mistyped or cut off'],
      ['To end it', secret[1]],
    ]),
  }
}

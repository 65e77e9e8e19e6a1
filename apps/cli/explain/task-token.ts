import { type Explanation, lines, validityText } from './explanation.ts'
import { type Decoded, textOf } from './jwt.ts'
import { permissionLines } from './permission-text.ts'

type Claims = Decoded['claims']

const replays: Readonly<Record<string, string>> = {
  pop: 'as often as it lives, by whoever holds the key',
  once: 'once',
  challenge: 'once, for the nonce that the API gave',
}

/** A task token of Mayfly's, or one that opens a child account, from its claims alone. */
export function explainTaskToken({ header, claims }: Decoded, nowSeconds: number): Explanation {
  const delegate = (claims['may_act'] as Claims | undefined)?.['sub']
  return {
    kind: delegate === undefined ? 'task token' : 'delegation token',
    facts: { header, claims },
    lines: lines([
      ['Valid', validityText(claims['iat'], claims['exp'], nowSeconds)],
      ['For', [claims['aud']].flat().join(', ')],
      ['Opens', delegate === undefined ? undefined : `one account below, for ${delegate} and nobody else`],
      [delegate === undefined ? 'May' : 'Which may at most', permissionLines(claims).join('\n')],
      ['Agent', agentText(claims)],
      ['Account', `${claims['account_id']}, generation ${claims['gen']}`],
      ['Task', textOf(claims['task_id'])],
      ['Bound to', delegate === undefined ? boundText(claims['cnf']) : `${delegate}, who must prove a key of its own`],
      ['Used', replays[textOf(claims['replay'])]],
      ['Why', whyText(claims)],
      ['Receipt', receiptText(claims)],
    ]),
  }
}

/** Who asked, and on whose behalf (RFC 8693 § 4.1): outermost first. */
function agentText({ act, client_id }: Claims): string {
  const chain: string[] = []
  for (let actor = act as Claims | undefined; typeof actor === 'object' && chain.length < 16; actor = actor?.['act'] as Claims)
    chain.push(String(actor['sub']))
  return chain.length > 1 ? chain.join(', for ') : String(client_id)
}

/** `cnf` (RFC 7800) in words. */
export function boundText(cnf: unknown): string {
  const { 'x5t#S256': certificate, jkt, jwk } = (cnf ?? {}) as Claims
  if (certificate !== undefined) return `the client certificate with SHA-256 ${certificate}; worth nothing without its key`
  if (jkt !== undefined) return `the DPoP key with thumbprint ${jkt}; worth nothing without it`
  if (jwk !== undefined) return 'the key that stands in it'
  return 'nothing: whoever has it can use it'
}

function whyText({ cfg, delegation, resource_hash }: Claims): string {
  const { depth } = (delegation ?? {}) as Claims
  const from =
    typeof depth === 'number' && depth > 0 ? `passed on ${depth} times, and never widened` : 'asked for by the agent itself'
  const hash = resource_hash === undefined ? '' : `\nwhat was granted has the hash ${resource_hash}`
  return `within the agent's and the account's ceiling, ${from}; under configuration ${cfg} of the tenant${hash}`
}

const receiptText = ({ evt, jti, txn }: Claims): string | undefined =>
  evt === undefined ? undefined : `${evt} (hash of its leaf in the audit log)\ntoken ${jti}, transaction ${txn}`

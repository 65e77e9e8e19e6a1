// Who holds the credential of an account that was opened ahead. It authenticates for that account and no other, beside the holder's
// own key: the one named at the opening, else the first that used it, durably. It ends with the account, and with its being claimed.

import { accountOfCredential, openerOfCredential } from '#core/account/account-credential.ts'
import type { AccountStore } from '#core/account/account-store.ts'
import { prepareEvent } from '#core/audit/event.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { sameHash } from '#core/ids/secret.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { TenantSnapshot } from '#core/registry/tenant.ts'
import type { HolderBinding } from '#db/accounts/hold-account.ts'
import type { AccountRow } from '#db/accounts/read-accounts.ts'
import type { BoundKey } from './bound-key.ts'
import { hashList, refuse, type SubjectResult, type VerifiedSubject } from './subject.ts'

const issuer = 'account-credential'

const hexOf = (key: BoundKey): string => Buffer.from(key.thumbprint, 'base64url').toString('hex')
const isHash = (a: string, b: string): boolean => sameHash(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))

/** `held`: the account is the key's. `other_key`: another's. `ended`: it is nobody's any more. */
export type Holding = 'held' | 'other_key' | 'ended'

export class AccountSubjects {
  readonly #accounts: Pick<AccountStore, 'recall' | 'findById'>
  readonly #hold: (binding: HolderBinding) => Promise<string | null>
  /** Task keys of accounts whose credential was looked at, by the account's id. */
  readonly #taskKeys = new GenerationCache<string, string>(20_000)
  /** Holders' keys, hex, by the account's id. They never change. */
  readonly #holders = new GenerationCache<string, string>(20_000)

  /** hold: `holdAccount` bound to a connection. */
  constructor(accounts: Pick<AccountStore, 'recall' | 'findById'>, hold: (binding: HolderBinding) => Promise<string | null>) {
    this.#accounts = accounts
    this.#hold = hold
  }

  /** keys: those whose possession the request has proven. No round trip where the account is remembered. */
  async verify(snapshot: TenantSnapshot, credential: string, keys: readonly BoundKey[]): Promise<SubjectResult> {
    const id = accountOfCredential(credential)
    if (id === undefined) return refuse('malformed_credential', 'This is no account credential; was it cut off?')
    const account = await this.#find(snapshot.tenant.id, id)
    const named = account && keys.find(key => isHash(account.opener, openerOfCredential(credential, key)))
    const known = account !== undefined && (named || isHash(account.opener, openerOfCredential(credential, undefined)))
    const agent = account && snapshot.agents.get(account.agentId)
    if (!known || account.tenantId !== snapshot.tenant.id || !agent)
      return refuse(
        'unknown_account_credential',
        'It is unknown here, or belongs to another key than the one that was presented.',
      )
    // Whoever took the account over decides who comes back in; what was handed out before is dead.
    if (account.state === 'c') return refuse('account_claimed', 'The account was claimed, which ended this credential.')
    const subject: VerifiedSubject = {
      agent,
      trustSourceId: issuer,
      foreign: { issuer, subject: agent.clientId },
      subjectHash: hashList([issuer, agent.id]),
      opener: account.opener,
      derivedTaskId: undefined,
      untilSeconds: Number.POSITIVE_INFINITY,
      expiresSeconds: Number.POSITIVE_INFINITY,
      boundKey: named,
      account: { id: account.id, taskId: account.taskId },
      byCertificate: false,
    }
    return { ok: true, subject }
  }

  /**
   * Whether the account belongs to this key: durably from its first use on, and in the log. key: proven by the request, and nobody
   * else's. nowMs: the database's clock. Throws BrokerError `log_unavailable`.
   */
  async hold(snapshot: TenantSnapshot, subject: VerifiedSubject, key: BoundKey, nowMs: number): Promise<Holding> {
    const { account, agent, opener } = subject
    if (!account || subject.boundKey) return 'held'
    const held = this.#holders.get(account.id)
    if (held !== undefined) return held === hexOf(key) ? 'held' : 'other_key'
    const tenantId = snapshot.tenant.id
    const facts = { key: key.kind }
    const event = prepareEvent({ type: 'account.holder_bound', tenantId, agentId: agent.id, accountId: account.id, facts }, nowMs)
    const binding = { accountId: account.id, tenantId, opener, key: hexOf(key), leaf: event.leaf, body: event.body }
    const holder = await this.#hold(binding).catch(cause => {
      throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
    })
    if (holder === null) return 'ended'
    this.#holders.set(account.id, holder)
    return holder === binding.key ? 'held' : 'other_key'
  }

  async #find(tenantId: string, id: string): Promise<AccountRow | undefined> {
    const taskKey = this.#taskKeys.get(id)
    const remembered = taskKey === undefined ? undefined : this.#accounts.recall(taskKey)
    const account = remembered ?? (await this.#accounts.findById(tenantId, id))
    if (account && taskKey === undefined) this.#taskKeys.set(id, account.taskKey)
    return account
  }
}

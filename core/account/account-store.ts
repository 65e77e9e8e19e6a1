import { BrokerError } from '#core/errors/broker-error.ts'
import { BatchLoader } from '#core/memory/batch-loader.ts'
import { GenerationCache } from '#core/memory/generation-cache.ts'
import type { AccountName, AccountRow } from '#db/accounts/read-accounts.ts'
import type { Account } from './account.ts'

/**
 * Accounts by task key and by id, read in batches and remembered. A remembered account may have ended meanwhile: the
 * commit finds out (`log.append` outcome `account_not_live`), then `forget` and read again.
 */
export class AccountStore {
  readonly #byTask: GenerationCache<string, Account>
  readonly #byId: BatchLoader<string, Account>
  readonly #byTaskLoader: BatchLoader<string, Account>

  /** read: `readAccounts` bound to a connection. maxRemembered: about 400 bytes each. */
  constructor(
    read: (ids: readonly AccountName[], taskKeys: readonly AccountName[]) => Promise<AccountRow[]>,
    maxRemembered = 50_000,
  ) {
    this.#byTask = new GenerationCache(maxRemembered)
    const index = async (rows: Promise<AccountRow[]>, key: 'id' | 'taskKey'): Promise<Map<string, Account>> => {
      try {
        return new Map((await rows).map(row => [keyOf({ tenantId: row.tenantId, name: row[key] }), row]))
      } catch (cause) {
        throw new BrokerError('log_unavailable', { cause, retryAfterSeconds: 1 })
      }
    }
    this.#byId = new BatchLoader(keys => index(read(keys.map(nameOf), []), 'id'))
    this.#byTaskLoader = new BatchLoader(keys => index(read([], keys.map(nameOf)), 'taskKey'))
  }

  /** The account if it is remembered: no round trip. */
  recall(taskKey: string): Account | undefined {
    return this.#byTask.get(taskKey)
  }

  /** tenantId: uuid. Another tenant's account is not there. */
  async findByTask(tenantId: string, taskKey: string): Promise<Account | undefined> {
    return this.#byTask.get(taskKey) ?? this.#remembered(await this.#byTaskLoader.load(keyOf({ tenantId, name: taskKey })))
  }

  async findById(tenantId: string, id: string): Promise<Account | undefined> {
    return this.#remembered(await this.#byId.load(keyOf({ tenantId, name: id })))
  }

  remember(account: Account): void {
    this.#byTask.set(account.taskKey, account)
  }

  forget(taskKey: string): void {
    this.#byTask.delete(taskKey)
  }

  #remembered(account: Account | undefined): Account | undefined {
    if (account) this.remember(account)
    return account
  }
}

const keyOf = ({ tenantId, name }: AccountName): string => `${tenantId} ${name}`

function nameOf(key: string): AccountName {
  const [tenantId, name] = key.split(' ') as [string, string]
  return { tenantId, name }
}

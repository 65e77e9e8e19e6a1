// Which account which sub-agent has, from the hook that opened it to the hook that ends it. Ids only: whoever reads them can do nothing
// with them. One file each, because sub-agents start and stop side by side.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { findPrivateFile, writePrivateFile } from '../config/private-file.ts'
import type { Io } from '../io.ts'

/** One session's accounts. */
export class HookMemory {
  readonly #folder: string

  constructor({ env, home }: Io, sessionId: string) {
    const state = env['XDG_STATE_HOME'] || join(home, '.local', 'state')
    this.#folder = join(state, 'mayfly', 'hooks', fileName(sessionId))
  }

  /** The sub-agent's account, `acct_…`; without a sub-agent the session's own. */
  find(agentId?: string): string | undefined {
    return findPrivateFile(this.#fileOf(agentId))?.trim()
  }

  keep(agentId: string | undefined, accountId: string): void {
    writePrivateFile(this.#fileOf(agentId), `${accountId}\n`)
  }

  forget(agentId: string): void {
    rmSync(this.#fileOf(agentId), { force: true })
  }

  forgetAll(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #fileOf(agentId: string | undefined): string {
    return join(this.#folder, agentId === undefined ? 'session' : `agent-${fileName(agentId)}`)
  }
}

/** Not every system takes a colon in a name. */
const fileName = (id: string): string => id.replaceAll(':', '_')

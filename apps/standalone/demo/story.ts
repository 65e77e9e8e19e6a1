// What the steps of the demo have in common: what runs, what was handed out, and what must afterwards stand in the log.

import type { MayflyClient, TaskTokenValue } from '../../../packages/client/src/index.ts'
import type { LogFile } from '../log-file.ts'
import type { Ports } from '../options.ts'
import type { Progress } from '../progress.ts'
import { demoSubject } from '../seed/registrations.ts'
import type { Core, Registered } from '../stack.ts'
import type { StateFolder } from '../state-folder.ts'
import type { Drawers } from './drawers.ts'
import type { Evidence } from './evidence.ts'

export interface StorySetting {
  readonly state: StateFolder
  readonly ports: Ports
  readonly logFile: LogFile
  readonly logLevel: string
  readonly progress: Progress
  readonly say: (text: string) => void
  /** The person claims in Chromium instead of by plain HTTP. */
  readonly browser: boolean
}

/** An account as whoever opened it ahead got it. */
export interface AccountAhead {
  /** `acct_…` */
  readonly id: string
  readonly taskId: string
  /** `mfa_…`: what its holder presents, beside its own key. */
  readonly credential: string
  readonly claimUri: string
}

/** What a step came to. */
export interface Outcome {
  /** What happened, in one line. */
  readonly said: string
  /** For `--json`; no secrets. */
  readonly facts?: Readonly<Record<string, unknown>>
}

export interface Step {
  /** Stands in `--json`; never changes. */
  readonly name: string
  /** Why it matters, in one line. */
  readonly why: string
  /** Throws where the outcome is not the expected one. */
  run(story: Story): Promise<Outcome>
}

/** Filled by the steps, in their order; a step may count on all that stand before it. */
export class Story {
  readonly setting: StorySetting
  /** Size of the log before the story began. */
  logSize = 0
  core!: Core
  registered!: Registered
  client!: MayflyClient
  /** The token that the agent works with. */
  first!: TaskTokenValue
  /** `rev_…`: the end of that token. */
  revocationId!: string
  /** The account that an orchestrator opened for the agent. */
  ahead!: AccountAhead
  /** The one that is left alone. */
  forgotten!: AccountAhead
  /** The service that it attached a drawer at. */
  drawers!: Drawers
  connectorId!: string
  /** The helper's account below the first. */
  childId!: string
  /** Verifier key of the log. */
  logKey!: string
  readonly evidence: Evidence[] = []

  constructor(setting: StorySetting) {
    this.setting = setting
  }

  /** Two runs of one pipeline: two instances of one agent. */
  readonly runA: string = `run-${Date.now().toString(36)}-a`
  readonly runB: string = `run-${Date.now().toString(36)}-b`

  /** What the CI system would hand to a job of that run. */
  workloadToken(runId: string): string {
    return this.core.mintWorkloadToken({ sub: demoSubject, aud: this.core.publicUrl, runId })
  }
}

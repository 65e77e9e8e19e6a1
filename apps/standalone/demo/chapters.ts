// The story, in order.

import { register, start } from './steps/begin.ts'
import { afterClaim, claim, close } from './steps/claim.ts'
import { log, stop } from './steps/finish.ts'
import { impostors } from './steps/impostors.ts'
import { clearedAway, leaveAlone } from './steps/left-alone.ts'
import { expired, noCertificate, otherRow, secondUse } from './steps/misused-tokens.ts'
import { handOver, openAhead } from './steps/orchestrator.ts'
import { exported, proof } from './steps/proofs.ts'
import { reached, revoke } from './steps/revoke.ts'
import { subAgent, subAgentBeyond } from './steps/sub-agent.ts'
import { call, exchange } from './steps/work.ts'
import type { Step } from './story.ts'

export interface Chapter {
  readonly title: string
  readonly steps: readonly Step[]
}

export const chapters: readonly Chapter[] = [
  { title: 'Set up', steps: [start, register] },
  { title: 'An agent does its work', steps: [exchange, call] },
  { title: 'What must not work, does not: the token', steps: [noCertificate, otherRow, expired, secondUse] },
  { title: 'What must not work, does not: at the door', steps: impostors },
  { title: 'What is revoked is worth nothing', steps: [revoke, reached] },
  {
    title: 'Accounts, from opening to end',
    steps: [openAhead, handOver, leaveAlone, subAgent, subAgentBeyond, claim, afterClaim, close, clearedAway],
  },
  { title: 'Afterwards', steps: [log, proof, exported, stop] },
]

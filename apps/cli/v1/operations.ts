// Every operation of the management API as a command, in one table. A test holds it against the broker's OpenAPI document: no
// operation without a command, no command without its operation.

import { accountRows } from './account-rows.ts'
import { eventRows } from './event-rows.ts'
import { forgettingRows } from './forgetting-rows.ts'
import { keyRows } from './key-rows.ts'
import { logRows } from './log-rows.ts'
import type { Operation } from './operation.ts'
import { operatorTableRows } from './operator-rows.ts'
import { outsideRows } from './outside-rows.ts'
import { registryRows } from './registry-rows.ts'
import { revocationRows } from './revocation-rows.ts'

/** The whole table. */
export const operations: readonly Operation[] = [
  ...registryRows,
  ...accountRows,
  ...outsideRows,
  ...eventRows,
  ...operatorTableRows,
  ...keyRows,
  ...revocationRows,
  ...forgettingRows,
  ...logRows,
]

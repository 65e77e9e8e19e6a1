// Every command there is, listed. Help, completion and the reference page are made from it.

import type { Command } from './command.ts'
import { operationCommand } from './v1/operation-command.ts'
import { operations } from './v1/operations.ts'

export const commands: readonly Command[] = operations.map(operationCommand)

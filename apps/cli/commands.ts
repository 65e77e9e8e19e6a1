// Every command there is, listed. Help, completion and the reference page are made from it.

import { auditCount } from './audit/audit-count.ts'
import { auditErase } from './audit/audit-erase.ts'
import { auditList } from './audit/audit-list.ts'
import { auditShow } from './audit/audit-show.ts'
import { auditTail } from './audit/audit-tail.ts'
import { auditTrail } from './audit/audit-trail.ts'
import { auditUnclaimed } from './audit/audit-unclaimed.ts'
import type { Command } from './command.ts'
import { accountOpen } from './commands/account-open.ts'
import { accountTree } from './commands/account-tree.ts'
import { command as agentEnroll } from './commands/agent-enroll.ts'
import { apply } from './commands/apply.ts'
import { auditExport } from './commands/audit-export.ts'
import { auditProof } from './commands/audit-proof.ts'
import { auditVerify } from './commands/audit-verify.ts'
import { bootstrap } from './commands/bootstrap.ts'
import { completionCommands } from './commands/completion.ts'
import { diff } from './commands/diff.ts'
import { explain } from './commands/explain.ts'
import { hookCommands } from './commands/hook.ts'
import { logCheckpoint } from './commands/log-checkpoint.ts'
import { logKeys } from './commands/log-keys.ts'
import { logRotateKey } from './commands/log-rotate-key.ts'
import { login } from './commands/login.ts'
import { logout } from './commands/logout.ts'
import { profileCommands } from './commands/profile.ts'
import { restoreCommands } from './commands/restore.ts'
import { revoke } from './commands/revoke.ts'
import { run } from './commands/run.ts'
import { token } from './commands/token.ts'
import { whoami } from './commands/whoami.ts'
import { witness } from './commands/witness.ts'
import { operationCommand } from './v1/operation-command.ts'
import { operations } from './v1/operations.ts'

export const commands: readonly Command[] = [
  login,
  logout,
  whoami,
  apply,
  diff,
  token,
  run,
  explain,
  agentEnroll,
  accountOpen,
  accountTree,
  revoke,
  ...operations.map(operationCommand),
  auditList,
  auditShow,
  auditTrail,
  auditTail,
  auditCount,
  auditUnclaimed,
  auditErase,
  auditExport,
  auditVerify,
  auditProof,
  logCheckpoint,
  logKeys,
  logRotateKey,
  ...restoreCommands,
  ...hookCommands,
  witness,
  bootstrap,
  ...profileCommands,
  ...completionCommands(() => commands),
]

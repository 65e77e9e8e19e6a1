// One file says what is registered; this makes it so.

import type { Broker, Thing } from '../broker/broker.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { confirm } from '../output/confirm.ts'
import type { Print } from '../output/print.ts'
import { carryOut, type Outcome } from './carry-out.ts'
import { type FileSchema, readFileSchema } from './file-schema.ts'
import { ruleSection } from './kinds.ts'
import { makePlan, type Plan } from './plan.ts'
import { readDocuments } from './read-documents.ts'
import { readWanted, type Wanted } from './read-file.ts'
import { outcomeLine, outcomeView, planLines, planView } from './show.ts'

/** See `mayfly apply --help`. Throws a CliError where something could not be done. */
export async function runApply(context: Context): Promise<void> {
  const { flags, print } = context
  const broker = context.broker()
  const { plan, where } = await print.progress('Reading what is registered', () => planOf(context, broker))
  if (flags.has('dry-run') || plan.steps.length === 0) {
    showPlan(print, plan, where)
    return
  }
  if (!print.json) print.result(undefined, () => [where, ...planLines(plan, print)].join('\n'))
  await confirm(context, `${plan.steps.length} ${plan.steps.length === 1 ? 'change' : 'changes'}`)
  const outcomes = await carryOut(broker, plan, outcome => {
    if (!print.json) print.result(undefined, () => outcomeLine(outcome))
  })
  if (print.json) print.thing({ ...planView(plan), applied: true, steps: outcomes.map(outcomeView) })
  conclude(context, outcomes)
}

/** See `mayfly diff --help`. */
export async function runDiff(context: Context): Promise<void> {
  const { flags, print } = context
  const { plan, where } = await print.progress('Reading what is registered', () => planOf(context, context.broker()))
  showPlan(print, plan, where)
  if (!flags.has('exit-code') || plan.steps.length === 0) return
  throw new CliError({
    what: 'The broker does not have what the file says.',
    why: `${plan.steps.length} ${plan.steps.length === 1 ? 'thing is' : 'things are'} to be done.`,
    next: 'mayfly apply with the same flags, or correct the file.',
  })
}

const showPlan = (print: Print, plan: Plan, where: string): void =>
  print.result({ ...planView(plan), applied: false }, () => [where, ...planLines(plan, print)].join('\n'))

async function planOf(context: Context, broker: Broker): Promise<{ plan: Plan; where: string }> {
  const { flags } = context
  const documents = await readDocuments(context)
  const schema = await fetchSchema(broker)
  const { body: me } = await broker.call('apply', { method: 'GET', path: '/v1/whoami' })
  const wanted = narrowed(readWanted(documents, schema), flags.all('only'))
  checkRole(wanted, me)
  const plan = await makePlan(broker, { wanted, schema, prune: flags.has('prune'), me })
  return {
    plan,
    where: `${context.connection().url}, ${me['tenant_slug'] ?? 'the deployment'}, as ${me['name']} (${me['role']})`,
  }
}

/** What the broker that we speak to takes, and its defaults. */
async function fetchSchema(broker: Broker): Promise<FileSchema> {
  const { body } = await broker.call('apply', { method: 'GET', path: '/openapi.json' })
  const schema = readFileSchema(body)
  if (schema) return schema
  throw new CliError({
    what: 'This broker does not describe what it takes.',
    why: 'Its /openapi.json lacks it.',
    next: 'Update the broker.',
  })
}

function narrowed({ things, twoPerson }: Wanted, only: readonly string[]): Wanted {
  if (only.length === 0) return { things, twoPerson }
  const kept = Object.fromEntries(Object.entries(things).filter(([section]) => only.includes(section)))
  return { things: kept, twoPerson: only.includes(ruleSection) ? twoPerson : undefined }
}

/** A platform-admin has no part in what a tenant trusts. */
function checkRole({ things, twoPerson }: Wanted, { tenant, role }: Thing): void {
  if (typeof tenant === 'string') return
  const theirs = [
    ...Object.keys(things).filter(name => name !== 'tenants' && name !== 'sign_in_providers'),
    ...(twoPerson ? [ruleSection] : []),
  ]
  if (theirs.length === 0) return
  throw new UsageError({
    what: `A ${role} cannot apply ${theirs.join(', ')}.`,
    why: 'They belong to a tenant, and you to none.',
    next: 'mayfly apply … --only tenants; then the whole file with the profile of a tenant-admin.',
  })
}

/** Throws a CliError where a step failed. */
function conclude({ print }: Context, outcomes: readonly Outcome[]): void {
  const waiting = outcomes.filter(({ result }) => result === 'waiting')
  if (waiting.length > 0) {
    print.note(`${waiting.length} of ${outcomes.length} wait for a second person: mayfly changes list --status waiting`)
    print.note('After the approval apply the file again: what else it says is done then, and nothing is proposed twice.')
  }
  const failed = outcomes.find(({ result }) => result === 'failed')
  if (!failed) return
  const { step, error } = failed
  const done = outcomes.filter(({ result }) => result === 'done').length
  const { why, next, ...rest } = error!.failure
  throw new CliError({
    ...rest,
    what: `The ${step.noun} ${step.name} could not be ${step.action}d: stopped. ${done} of ${outcomes.length} done.`,
    ...(why !== undefined && { why }),
    next: `${next ?? 'Correct the file.'}\nThen apply it again: what is done is recognised.`,
  })
}

// `mayfly audit export`: the log, or a tenant's part of it, to be verified years later without this broker.

import { exportFiles } from '#core/audit/export/manifest.ts'
import { exportList, type ListFormat } from '../audit/export-list.ts'
import { exportOwn } from '../audit/export-own.ts'
import { ExportPlace } from '../audit/export-place.ts'
import { exportWhole } from '../audit/export-whole.ts'
import { LogSource } from '../audit/log-source.ts'
import { readable } from '../audit/progress-bar.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'

const formats = ['proofs', 'ndjson', 'csv', 'ocsf'] as const

export const auditExport: Command = {
  name: 'audit export',
  summary: 'Export the audit log, so that it can be verified without this broker',
  about: `A platform-admin gets the whole log: hash tiles as they were sealed, entries and bodies as they stand, the signed checkpoint, keys.
A tenant's operator gets its own entries, each with a proof. Run it again in the same folder: what was stopped goes on, and the whole
log is brought up to date; older checkpoints are kept, and verified too.
With --format it is a plain list instead, without proofs.`,
  arguments: [{ name: 'to', summary: 'a folder; with --format a file, or - for standard output' }],
  options: {
    format: { type: 'string', value: 'FORMAT', summary: 'proofs unless you say', choices: formats },
    tenant: { type: 'string', value: 'TENANT', summary: 'for a platform-admin: the entries of this tenant alone (ten_…)' },
    from: { type: 'string', value: 'POSITION', summary: 'of a tenant’s export: the first position' },
    key: {
      type: 'string',
      value: 'KEY',
      many: true,
      summary: 'a verifier key of the log that you trust, in place of the broker’s word',
    },
  },
  examples: [
    { text: 'what an auditor takes away', command: 'mayfly audit export ./export && mayfly audit verify ./export' },
    { text: 'a list for a spreadsheet', command: 'mayfly audit export --format csv log.csv' },
    { text: 'for a SIEM, as OCSF', command: 'mayfly audit export --format ocsf - | gzip > log.ndjson.gz' },
  ],
  operations: ['GET /v1/audit/entries'],
  run,
}

async function run(context: Context): Promise<void> {
  const { io, args, flags } = context
  const format = flags.text('format') ?? 'proofs'
  const source = new LogSource(context.connection(), 'audit export', io.signal)
  try {
    const tenant = flags.text('tenant') ?? (await ownTenant(context))
    if (format === 'proofs') await exportProofs(context, source, resolvePath(io, args['to']!), tenant)
    else await exportPlain(context, source, format as ListFormat, args['to']!, flags.text('tenant'))
  } finally {
    await source.close()
  }
}

/** `ten_…`; undefined: who asks belongs to no tenant. */
async function ownTenant(context: Context): Promise<string | undefined> {
  const { body } = await context.broker().call('audit export', { method: 'GET', path: '/v1/whoami' })
  return typeof body['tenant'] === 'string' ? body['tenant'] : undefined
}

async function exportProofs(context: Context, source: LogSource, folder: string, tenant: string | undefined): Promise<void> {
  const { print, flags } = context
  const trusted = flags.all('key')
  const place = new ExportPlace(folder, tenant === undefined ? exportFiles.bodies : exportFiles.entries)
  const from = positionOf(flags.text('from'))
  if (tenant === undefined && from > 0)
    throw new UsageError({
      what: '--from is for the export of a tenant.',
      next: 'Leave it out: the whole log is exported whole.',
    })
  const { size, fetched, missing } =
    tenant === undefined
      ? await exportWhole(context, source, place, trusted)
      : await exportOwn(context, source, place, { tenant, trusted, from })
  print.result({ folder, size, fetched, missing, ...(tenant !== undefined && { tenant }) }, () => {
    const what = tenant === undefined ? 'the log' : `the entries of ${tenant}`
    return `${print.paint.green('✔')} ${folder} holds ${what} up to its checkpoint over ${readable(size)} entries; ${readable(fetched)} were fetched now.`
  })
  if (missing > 0)
    throw new CliError({
      what: `${readable(missing)} entries are missing in the database.`,
      why: 'They were sealed, and are no longer there. The export shows where.',
      next: `mayfly audit verify ${folder}`,
    })
}

async function exportPlain(
  context: Context,
  source: LogSource,
  format: ListFormat,
  to: string,
  tenant: string | undefined,
): Promise<void> {
  const lines = await exportList(context, source, { format, tenant }, to)
  if (to !== '-')
    context.print.result({ file: to, lines }, () => `${context.print.paint.green('✔')} ${to}: ${readable(lines)} entries.`)
}

function positionOf(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^(0|[1-9]\d{0,14})$/.test(text))
    throw new UsageError({ what: `--from ${text} is no position.`, next: 'It is a number, from 0.' })
  return Number(text)
}

// `mayfly audit verify`: whether an export is what the log signed, without asking anybody.

import { ExportError, exportFiles, parseKeys, parseManifest } from '#core/audit/export/manifest.ts'
import type { Report } from '#core/audit/export/report.ts'
import { type VerifyOptions, verifyExport } from '#core/audit/export/verify-export.ts'
import { createDiskFiles } from '../audit/disk-files.ts'
import { ProgressBar } from '../audit/progress-bar.ts'
import { showReport, tellReport } from '../audit/verify-report.ts'
import { CliError, CommandEnded } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { readNamedFile } from '../config/private-file.ts'

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Verify an export of the audit log, offline',
  about: `Hashes every entry as it lies there, leads the hashes up to the signed checkpoint, and holds bodies and tokens against the
entries. Names each entry that was changed, removed, put in or moved. Asks nobody: neither broker nor network.
The log's key comes with the export unless you give it with --key; only a key that you have from elsewhere shows whose log it is.
Exit code 1 where something does not hold.`,
  arguments: [{ name: 'folder', summary: 'the export: the folder that mayfly audit export wrote' }],
  options: {
    from: { type: 'string', value: 'FILE', summary: 'an older checkpoint that this history must go on from' },
    key: { type: 'string', value: 'KEY', many: true, summary: 'a verifier key of the log that you trust: name+id+base64' },
    witness: { type: 'string', value: 'KEY', many: true, summary: 'a verifier key of a witness, beside those of the export' },
    tokens: { type: 'string', value: 'FILE', summary: 'task tokens, one a line: that each stands in the log as it is' },
    tiles: { type: 'string', value: 'FOLDER', summary: 'another copy of the hash tiles, to name what was rewritten' },
  },
  examples: [
    { text: 'what was exported today', command: 'mayfly audit verify ./export' },
    { text: 'that it goes on from what last year’s auditor saw', command: 'mayfly audit verify ./export --from 2025/checkpoint' },
    { text: 'that these tokens were issued, as they are', command: 'mayfly audit verify ./export --tokens seen-tokens.txt' },
  ],
  run,
}

/** For how long hashing keeps everything else waiting, Ctrl-C among it. */
const stretchMs = 50

async function run(context: Context): Promise<void> {
  const { io, args, print } = context
  const folder = resolvePath(io, args['folder']!)
  const files = createDiskFiles(folder)
  const startedMs = performance.now()
  let isTenants = false
  try {
    const { size, tenant } = parseManifest(textOf(files.read(exportFiles.manifest)))
    isTenants = tenant !== undefined
    const { log } = parseKeys(textOf(files.read(exportFiles.keys)))
    const report = await verify(context, verifyExport(files, readOptions(context)), size)
    const seconds = Math.max(0.001, (performance.now() - startedMs) / 1000)
    print.result(showReport({ report, seconds, isTenants }), () =>
      tellReport({ report, seconds, exportKeys: log, isTenants }, print.paint),
    )
    if (!report.isValid) throw new CommandEnded(1)
  } catch (error) {
    if (!(error instanceof ExportError)) throw error
    throw new CliError({
      what: `${folder} cannot be verified.`,
      why: `${error.message}.`,
      next:
        isTenants && context.flags.text('from') !== undefined
          ? 'Leave out --from. Checkpoints are compared by: mayfly log checkpoint --keep FILE'
          : 'An export is a folder that mayfly audit export wrote to its end; run it again, it goes on where it stopped.',
    })
  }
}

function textOf(bytes: Buffer | undefined): string {
  if (!bytes) throw new ExportError(`There is no ${exportFiles.manifest}, or no ${exportFiles.keys}`)
  return bytes.toString('utf8')
}

function readOptions({ io, flags }: Context): VerifyOptions {
  const fileOf = (name: string): string | undefined => {
    const path = flags.text(name)
    return path === undefined ? undefined : readNamedFile(resolvePath(io, path))
  }
  const tiles = flags.text('tiles')
  return {
    from: fileOf('from'),
    tokens:
      fileOf('tokens')
        ?.split(/\s+/)
        .filter(text => text !== '') ?? [],
    logKeys: flags.all('key'),
    witnessKeys: flags.all('witness'),
    ...(tiles !== undefined && { tiles: createDiskFiles(resolvePath(io, tiles)) }),
  }
}

async function verify({ io }: Context, work: Generator<number, Report>, size: number): Promise<Report> {
  const bar = new ProgressBar(io, 'Verifying', size)
  try {
    for (;;) {
      const untilMs = performance.now() + stretchMs
      do {
        const step = work.next()
        if (step.done) return step.value
        bar.at(step.value)
      } while (performance.now() < untilMs)
      await new Promise(resolve => setImmediate(resolve))
      io.signal.throwIfAborted()
    }
  } finally {
    bar.end()
  }
}

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCosigner, formatVerifierKey, noteSignatureTypes, parseVerifierKey, type VerifierKey } from '#core/tlog/note.ts'
import { TlogError } from '#core/tlog/tlog-error.ts'
import { Witness, type WitnessAnswer, type WitnessedLog } from '#core/witness/witness.ts'
import { CliError, systemCode, UsageError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { findPrivateFile, readNamedFile } from '../config/private-file.ts'
import { openWitnessFolder, type WitnessFolder } from './state-folder.ts'
import { createWitnessServer } from './witness-server.ts'

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** Serves until it is stopped. */
export async function runWitness(context: Context): Promise<void> {
  const { io, flags, print } = context
  const name = flags.text('name')!
  const folder = openWitnessFolder(resolvePath(io, flags.text('state')!), name)
  try {
    const cosigner = attempt('--name', () => createCosigner(name, folder.key, () => io.nowMs() / 1000))
    const vkey = formatVerifierKey(cosigner.verifierKey)
    if (flags.has('show-key')) return print.result({ name, vkey }, () => vkey)
    const logs = readLogs(flags.all('log'))
    const witness = new Witness({ cosigner, logs, memory: folder.memory })
    await serve(context, witness, { folder, vkey, logs })
  } finally {
    folder.close()
  }
}

/** One entry for each origin: a log that changes its key is named with both for a while. */
function readLogs(texts: readonly string[]): WitnessedLog[] {
  if (texts.length === 0) throw new UsageError({ what: 'Whose logs? --log VKEY is missing.', next: 'mayfly witness --help' })
  const keys = texts.map(text => attempt('--log', () => parseVerifierKey(text)))
  const wrong = keys.find(({ type }) => type !== noteSignatureTypes.ed25519)
  if (wrong) throw new UsageError({ what: `The key of ${wrong.name} is a witness's, not a log's.` })
  return [...Map.groupBy(keys, key => key.name)].map(([origin, own]: [string, VerifierKey[]]) => ({ origin, keys: own }))
}

interface Serving {
  readonly folder: WitnessFolder
  readonly vkey: string
  readonly logs: readonly WitnessedLog[]
}

async function serve(context: Context, witness: Witness, { folder, vkey, logs }: Serving): Promise<void> {
  const { io, print } = context
  const { host, port } = readAddress(context.flags.text('listen') ?? '127.0.0.1:8555')
  const tls = readTls(context)
  if (!tls && !loopback.has(host))
    throw new UsageError({
      what: `${host} can be reached by others: give --tls-cert and --tls-key.`,
      next: 'Or listen on 127.0.0.1, behind a proxy that ends TLS.',
    })
  const tell = teller(context, folder)
  const server = createWitnessServer({
    witness,
    vkey,
    tls,
    onAnswer: tell,
    onFailure: error => print.note(`Failed: ${error instanceof Error ? error.message : String(error)}`),
  })
  await listen(server, host, port)
  try {
    const url = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
    const origins = logs.map(({ origin }) => origin)
    print.result({ vkey, url, logs: origins }, () =>
      [`Witness  ${vkey}`, `Address  ${url}`, ...origins.map(origin => `Log      ${origin}`)].join('\n'),
    )
    if (!io.signal.aborted) await once(io.signal, 'abort')
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
}

/** Says what a person should know: the first cosignature of each log, and each refusal of what a log signed. */
function teller({ print }: Context, folder: WitnessFolder): (answer: WitnessAnswer) => Promise<void> {
  const begun = new Set<string>()
  return async answer => {
    if (answer.status === 200) {
      const { origin, size } = answer.checkpoint
      if (!begun.has(origin)) print.note(`Cosigned ${origin} at ${size} entries; from now on only refusals are told.`)
      begun.add(origin)
      return
    }
    if (answer.status === 409 && answer.forked !== undefined) {
      const [origin = ''] = answer.forked.split('\n')
      const file = await folder.keepFork(origin, answer.forked)
      print.note(
        `THE LOG ${origin} HAS FORKED: it signed two trees of ${answer.size} entries.${file === undefined ? '' : ` The second: ${file}`}`,
      )
    } else if (answer.status === 422) print.note(`Refused: ${answer.why}`)
  }
}

function readAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-f:]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError({ what: `“${text}” is no address to listen on.`, next: '--listen 127.0.0.1:8555' })
  return { host, port: Number(port) }
}

function readTls({ io, flags }: Context): { readonly cert: string; readonly key: string } | undefined {
  const [cert, key] = [flags.text('tls-cert'), flags.text('tls-key')]
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) throw new UsageError({ what: '--tls-cert and --tls-key go together.' })
  const keyPem = findPrivateFile(resolvePath(io, key))
  if (keyPem === undefined) throw new CliError({ what: `${key} is not there.` })
  return { cert: readNamedFile(resolvePath(io, cert)), key: keyPem }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    const why =
      systemCode(error) === 'EADDRINUSE' ? 'Something listens there already.' : `The system says ${systemCode(error) ?? 'no'}.`
    throw new CliError({
      what: `Nothing can listen on ${host}:${port}.`,
      why,
      next: 'Choose another address: --listen HOST:PORT',
    })
  }
}

function attempt<T>(flag: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof TlogError) throw new UsageError({ what: `${flag} cannot be used.`, why: `${error.message}.` })
    throw error
  }
}

// npm run bench:verify: how many events a second one core verifies of an export on disk: entries alone, entries with their bodies, and
// both by the verifier in Python. Each in a process of its own, as `mayfly audit verify` runs it.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from './machine.ts'
import { median } from './statistics.ts'
import { writeExport } from './verify/write-export.ts'

const usage = 'Usage: npm run bench:verify -- [--events 1000000] [--rounds 5] [--python] [--json]'
const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const { values } = parseArgs({ options: { events: text, rounds: text, python: flag, json: flag, help: flag } })
const [events, rounds] = [Number(values.events ?? 1_000_000), Number(values.rounds ?? 5)]
const sound = [events, rounds].every(value => Number.isInteger(value) && value >= 1) && events <= 20_000_000 && rounds <= 50
if (values.help || !sound) {
  console.log(usage)
  process.exit(sound ? 0 : 1)
}
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)
const root = join(import.meta.dirname, '..', '..')

/** Events a second, as the command says. Throws where the export does not verify. */
function verify(folder: string): number {
  const { stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/main.ts'), 'audit', 'verify', folder, '--json'], {
    encoding: 'utf8',
  })
  const report = JSON.parse(stdout || '{}')
  if (report.valid !== true || report.entries !== events) throw new Error(`The export does not verify: ${stdout}${stderr}`)
  return report.entries_per_second
}

function verifyInPython(folder: string): number {
  const startedMs = performance.now()
  const { stdout } = spawnSync('python3', [join(root, 'test/conformance/verify_export.py'), folder], { encoding: 'utf8' })
  if (JSON.parse(stdout).valid !== true) throw new Error(`The export does not verify in Python: ${stdout}`)
  return Math.round((events / (performance.now() - startedMs)) * 1_000)
}

const measure = (name: string, once: () => number): number[] =>
  Array.from({ length: rounds }, (_, round) => {
    const rate = once()
    tell(`${name}, round ${round + 1}/${rounds}: ${rate.toLocaleString('en-US')} events/s`)
    return rate
  })

const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-'))
try {
  tell(`Writing an export of ${events.toLocaleString('en-US')} events.`)
  const { bundleBytes, bodyBytes } = writeExport(folder, events)
  const both = measure('entries and bodies', () => verify(folder))
  const python = values.python ? verifyInPython(folder) : undefined
  renameSync(join(folder, 'bodies.ndjson'), join(folder, 'bodies'))
  writeFileSync(join(folder, 'bodies.ndjson'), '')
  const alone = measure('entries alone', () => verify(folder))
  const figures = {
    events,
    entry_bytes: Math.round(bundleBytes / events),
    body_bytes: Math.round(bodyBytes / events),
    entries_events_per_s: median(alone),
    lowest_entries_events_per_s: Math.min(...alone),
    entries_and_bodies_events_per_s: median(both),
    lowest_entries_and_bodies_events_per_s: Math.min(...both),
    ...(python !== undefined && { python_events_per_s: python }),
  }
  if (values.json) console.log(JSON.stringify({ name: 'bench:verify', machine: describeMachine(), figures }))
  else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(40)} ${value.toLocaleString('en-US')}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

// The log tells what happened; these steps show that nobody has to believe it. All that is checked is checked as it would be years later:
// from files, with the log's key, without this broker.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from '../ask.ts'
import { readClaims } from '../evidence.ts'
import { expectThat } from '../expect.ts'
import { mayflyCommand } from '../shell.ts'
import type { Step, Story } from '../story.ts'
import { nearPath } from './near-path.ts'

const exportFolder = 'export'
const proofFile = 'first.tlog-proof'

export const proof: Step = {
  name: 'proof',
  why: 'Checked from one file with one public key: no broker was asked.',
  async run(story) {
    const folder = story.setting.state.folder('.')
    const { accessToken } = story.first
    const kept = join(folder, proofFile)
    const typed = ['audit', 'proof', '--token', '-']
    await mayflyCommand(folder, [...typed, '--out', kept], { env: environment(story), input: accessToken })
    story.logKey = await readLogKey(story)
    const alone = [...typed, '--proof', kept, '--log-key', story.logKey]
    const { code, json } = await mayflyCommand(folder, alone, { input: accessToken })
    const { evt, jti } = readClaims(accessToken)
    expectThat(code === 0 && json.receipt === evt && json.token === jti, 'the kept proof is not that of the first token')
    return {
      said: `the first token's receipt: entry ${json.position} of ${json.size}, under root ${short(json.root)}`,
      facts: {
        position: json.position,
        size: json.size,
        root: json.root,
        origin: json.origin,
        receipt: evt,
        log_key: story.logKey,
        offline: true,
        file: nearPath(kept),
      },
    }
  },
}

export const exported: Step = {
  name: 'export',
  why: 'Years later too, nobody has to believe whoever keeps the log.',
  async run(story) {
    const folder = story.setting.state.folder('.')
    const to = join(folder, exportFolder)
    rmSync(to, { recursive: true, force: true })
    await mayflyCommand(folder, ['audit', 'export', to, '--from', String(story.logSize)], { env: environment(story) })
    const verify = () => mayflyCommand(folder, ['audit', 'verify', to, '--key', story.logKey])
    const whole = await verify()
    expectThat(whole.code === 0 && whole.json.valid, `the export does not verify: ${whole.json.findings?.[0]?.text}`)
    const { position, restore } = editOneByte(join(to, 'entries.ndjson'), readClaims(story.first.accessToken).jti)
    const edited = await verify().finally(restore)
    const [finding, another] = edited.json.findings
    expectThat(edited.code === 1 && finding?.position === position && !another, `the edited byte was not named: ${finding?.text}`)
    return {
      said: `${whole.json.entries} entries verify offline; one byte edited, and entry ${position} is named`,
      facts: { entries: whole.json.entries, edited: position, found: finding.position, folder: nearPath(to) },
    }
  },
}

const environment = ({ core, registered }: Story): Readonly<Record<string, string>> => ({
  MAYFLY_URL: core.publicUrl,
  MAYFLY_CA_FILE: core.tls.caFile,
  MAYFLY_TOKEN: registered.operator.token,
})

/** The verifier key that an auditor writes down while there is no reason to doubt. */
async function readLogKey({ core, registered }: Story): Promise<string> {
  const { body } = await ask(`${core.publicUrl}/log/keys`, core.tls.caPem, { bearer: registered.operator.token })
  return String((body['log'] as readonly string[])[0])
}

/** In the entry that tells of a token. restore: makes it as it was. */
function editOneByte(file: string, tokenId: string): { readonly position: number; readonly restore: () => void } {
  const before = readFileSync(file)
  const start = before.indexOf(tokenId)
  expectThat(start >= 0, `no entry of the export tells of ${tokenId}`)
  const line = before.subarray(before.lastIndexOf(0x0a, start) + 1, before.indexOf(0x0a, start)).toString('utf8')
  const after = Buffer.from(before)
  const last = start + tokenId.length - 1
  after[last] = before[last] === 0x30 ? 0x31 : 0x30
  writeFileSync(file, after)
  return { position: (JSON.parse(line) as { position: number }).position, restore: () => writeFileSync(file, before) }
}

const short = (root: string): string => `${root.slice(0, 8)}…`

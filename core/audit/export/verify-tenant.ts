// A tenant's export: its own entries, each with a proof that it stands in the signed tree. Proofs say that nothing of it was changed
// and nothing put in. That nothing was left out only the whole log can show, so the report of such an export never says so.

import { leafHash } from '#core/tlog/hash.ts'
import type { TokenCheck } from './check-tokens.ts'
import { type ExportFiles, linesOf } from './export-files.ts'
import { InclusionWalk } from './inclusion-walk.ts'
import { isBodyOf } from './is-body-of.ts'
import type { SignedTree } from './judge-pass.ts'
import { exportFiles, type Manifest } from './manifest.ts'
import type { Findings } from './report.ts'

export interface TenantLine {
  readonly position: number
  readonly leaf: string
  readonly body?: string
  /** Base64, from the leaf up to the root. */
  readonly proof: readonly string[]
}

export interface TenantInput {
  readonly files: ExportFiles
  readonly manifest: Manifest
  readonly signed: SignedTree
  readonly tokens: TokenCheck
  readonly findings: Findings
  /** uuid that the leaves of the tenant carry. */
  readonly tenantUuid: string
}

/** Yields the position it has come to. */
export function* verifyTenant(input: TenantInput): Generator<number, { readonly entries: number; readonly bodies: number }> {
  const { files, findings, manifest, signed } = input
  const walk = new InclusionWalk(signed.size, signed.root)
  let [entries, bodies, last, number] = [0, 0, (manifest.from ?? 0) - 1, 0]
  for (const text of linesOf(files, exportFiles.entries)) {
    number++
    const line = parseLine(text)
    if (!line || line.position <= last) {
      findings.add('file', `Line ${number} of ${exportFiles.entries} ${line ? 'goes back' : 'is no entry'}.`, line?.position)
      continue
    }
    last = line.position
    entries++
    if (line.body !== undefined) bodies++
    checkLine(line, walk, input)
    if (entries % 64 === 0) yield last
  }
  return { entries, bodies }
}

function checkLine(line: TenantLine, walk: InclusionWalk, { tokens, findings, tenantUuid }: TenantInput): void {
  const { position: index, leaf: text, body, proof } = line
  const bytes = Buffer.from(text)
  const leaf = leafHash(bytes)
  const path = proof.map(each => Buffer.from(each, 'base64'))
  if (!walk.holds(index, leaf, path))
    findings.add('changed', `Entry ${index} is not what was signed, or its proof is wrong.`, index)
  else if (!text.includes(`"tenant":"${tenantUuid}"`)) findings.add('inserted', `Entry ${index} is not of this tenant.`, index)
  if (body !== undefined && !isBodyOf(bytes, body))
    findings.add('body', `The body of entry ${index} is not the one that the entry commits to.`, index)
  if (tokens.mayWant(leaf, 0)) tokens.meet(index, bytes, leaf)
}

function parseLine(text: string): TenantLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<TenantLine>
    const isFit =
      Number.isSafeInteger(line.position) &&
      typeof line.leaf === 'string' &&
      ['string', 'undefined'].includes(typeof line.body) &&
      Array.isArray(line.proof) &&
      line.proof.every(each => typeof each === 'string')
    return isFit ? (line as TenantLine) : undefined
  } catch {
    return undefined
  }
}

// The outcome of a verification for people: what was verified, with which keys, and each thing that does not hold.

import type { Report } from '#core/audit/export/report.ts'
import type { Paint } from '../output/paint.ts'
import { visible } from '../output/visible.ts'
import { readable } from './progress-bar.ts'

export interface Told {
  readonly report: Report
  readonly seconds: number
  /** Verifier keys that the export itself names, for whoever wants to compare them. */
  readonly exportKeys: readonly string[]
  readonly isTenants: boolean
}

export function tellReport({ report, seconds, exportKeys, isTenants }: Told, paint: Paint): string {
  const head = report.isValid ? paint.green('✔ Everything holds.') : paint.red('✖ Something does not hold.')
  const rows: (readonly [string, string])[] = [
    ['Log', report.origin],
    ['Checkpoint', `${readable(report.size)} entries, root ${report.root}`],
    ['Signed by', `${report.signedBy.join(', ')}${report.isKeyPinned ? '' : '; the key is the export’s own'}`],
    ['Witnesses', report.witnesses.map(tellWitness).join(', ') || 'none'],
    [
      'Entries',
      `${readable(report.entries)} verified in ${seconds.toFixed(1)} s (${readable(Math.round(report.entries / seconds))}/s)`,
    ],
    ['Bodies', `${readable(report.bodies.checked)} as committed to; ${readable(report.bodies.absent)} entries are without one`],
    ...(report.olderCheckpoints > 0 ? [['Goes on from', `${report.olderCheckpoints} older checkpoints`] as const] : []),
    ...(report.tokens.length > 0 ? [['Tokens', tellTokens(report)] as const] : []),
  ]
  const findings = report.findings.map(({ text }) => `  ${paint.red('•')} ${visible(text)}`)
  const more = report.moreFindings > 0 ? [`  and ${readable(report.moreFindings)} more`] : []
  const notes = [
    ...(report.isKeyPinned
      ? []
      : [`Compare the key with one that you have from elsewhere, or give it: --key ${exportKeys.join(' --key ')}`]),
    ...(isTenants ? ['A tenant’s export proves that nothing of it was changed, not that nothing was left out.'] : []),
  ]
  return [
    paint.bold(head),
    ...rows.map(([name, text]) => `  ${name.padEnd(12)}  ${visible(text)}`),
    ...(findings.length > 0 ? ['', ...findings, ...more] : []),
    ...(notes.length > 0 ? ['', ...notes.map(note => paint.dim(visible(note)))] : []),
  ].join('\n')
}

/** The same for programs. */
export const showReport = ({ report, seconds, isTenants }: Omit<Told, 'exportKeys'>): object => ({
  valid: report.isValid,
  // A tenant's entries are proven one by one; that none is left out is not.
  whole_log: !isTenants,
  origin: report.origin,
  size: report.size,
  root: report.root,
  signed_by: report.signedBy,
  key_pinned: report.isKeyPinned,
  witnesses: report.witnesses.map(({ name, timestamp, isKeyPinned }) => ({ name, timestamp, key_pinned: isKeyPinned })),
  entries: report.entries,
  bodies: report.bodies,
  older_checkpoints: report.olderCheckpoints,
  tokens: report.tokens.map(({ number, tokenId, index, fault, isSignatureChecked }) => ({
    number,
    ...(tokenId !== undefined && { token: tokenId }),
    ...(index !== undefined && { position: index }),
    ...(fault !== undefined && { fault }),
    signature_verified: isSignatureChecked,
  })),
  findings: report.findings.map(({ kind, index, text }) => ({ kind, ...(index !== undefined && { position: index }), text })),
  more_findings: report.moreFindings,
  seconds,
  entries_per_second: Math.round(report.entries / seconds),
})

function tellWitness({ name, timestamp, isKeyPinned }: Report['witnesses'][number]): string {
  const date = new Date((timestamp ?? Number.NaN) * 1000)
  const time = Number.isNaN(date.getTime()) ? [] : [`${date.toISOString().slice(0, 19)}Z`]
  const notes = [...time, ...(isKeyPinned ? [] : ['the key is the export’s own'])]
  return notes.length === 0 ? name : `${name} (${notes.join('; ')})`
}

function tellTokens({ tokens }: Report): string {
  const good = tokens.filter(({ fault }) => fault === undefined)
  const unchecked = good.filter(({ isSignatureChecked }) => !isSignatureChecked).length
  const without =
    unchecked > 0 ? `; of ${unchecked} the issuer’s key is not in the export, so that the signature was not verified` : ''
  return `${good.length} of ${tokens.length} stand in the log as they are${without}`
}

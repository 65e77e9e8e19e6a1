// What a pass over the log comes to, in sentences: which entry, and what became of it.

import { hashBytes } from '#core/tlog/hash.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'
import { type Difference, explainDifference } from './explain-difference.ts'
import type { DifferentBundle, PassResult } from './log-pass.ts'
import type { Findings } from './report.ts'

export interface SignedTree {
  readonly size: number
  readonly root: Buffer
}

/** Adds everything that does not hold; nothing when the entries are what was signed and the tiles go with them. */
export function judgePass(pass: PassResult, signed: SignedTree, findings: Findings): void {
  const areEntriesSigned = pass.entriesRoot?.equals(signed.root) === true
  const areTilesSigned = pass.sealedRoot.equals(signed.root)
  if (areEntriesSigned) judgeTiles(pass, signed.size, findings)
  else if (areTilesSigned) judgeEntries(pass, findings)
  else judgeHistory(pass, signed.size, findings)
  judgeMarks(pass, { areEntriesSigned, areTilesSigned }, findings)
}

/** The entries have the signed root, so what differs is wrong in the tiles. */
function judgeTiles(pass: PassResult, size: number, findings: Findings): void {
  for (const { index, sealed, found } of pass.different) {
    if (sealed.length === 0) continue
    for (let at = 0; at * hashBytes < sealed.length; at++) {
      const [start, end] = [at * hashBytes, (at + 1) * hashBytes]
      if (sealed.compare(found, start, end, start, end) === 0) continue
      const [entry, path] = [index * tileWidth + at, tilePath(0, index, Math.min(tileWidth, size - index * tileWidth))]
      findings.add('tile', `${path} does not hold the hash of entry ${entry}; the entry itself is as it was signed.`, entry)
    }
  }
  if (pass.isMoreDifferent) findings.add('tile', 'More hash tiles do not go with their entries.')
  for (const path of pass.wrongTiles.entries) findings.add('tile', `${path} is missing, or does not go with what is below it.`)
}

/** The hash tiles have the signed root, so they tell what the entries were. */
function judgeEntries(pass: PassResult, findings: Findings): void {
  explain(pass, findings)
  for (const path of pass.wrongTiles.sealed) findings.add('tile', `${path} is missing, or does not go with what is below it.`)
}

function explain(pass: PassResult, findings: Findings): void {
  const { sealed, sealedIndexes, found, foundIndexes, restBytes } = rowsOf(pass.different)
  const differences = explainDifference(sealed, found, pass.isMoreDifferent)
  const after = sealedIndexes.length === 0 ? 0 : sealedIndexes.at(-1)! + 1
  for (const difference of differences) {
    const index = sealedIndexes[difference.index] ?? after
    findings.add(difference.kind, sentence(difference, index, foundIndexes[difference.now ?? -1]), index)
  }
  if (restBytes > 0 && differences.length === 0)
    findings.add('inserted', `${restBytes} bytes that are no entry were put in.`, after)
  if (pass.isMoreDifferent) findings.add('history', `Behind entry ${after - 1} more was changed than is told here.`, after)
}

function sentence({ kind }: Difference, index: number, now: number | undefined): string {
  switch (kind) {
    case 'changed':
      return `Entry ${index} was changed.`
    case 'missing':
      return `Entry ${index} was removed.`
    case 'inserted':
      return `An entry was put in before entry ${index}.`
    case 'moved':
      return `Entry ${index} was moved: it stands at ${now} now.`
    default:
      return kind satisfies never
  }
}

/** The rows of all bundles that differ, one behind another, and which entry of the log each hash is. */
function rowsOf(different: readonly DifferentBundle[]) {
  const indexesOf = (pick: (bundle: DifferentBundle) => Buffer): number[] =>
    different.flatMap(bundle => Array.from({ length: pick(bundle).length / hashBytes }, (_, at) => bundle.index * tileWidth + at))
  return {
    sealed: Buffer.concat(different.map(({ sealed }) => sealed)),
    found: Buffer.concat(different.map(({ found }) => found)),
    sealedIndexes: indexesOf(({ sealed }) => sealed),
    foundIndexes: indexesOf(({ found }) => found),
    restBytes: different.reduce((sum, { restBytes }) => sum + restBytes, 0),
  }
}

/** Neither entries nor hash tiles are what was signed: older checkpoints tell up to where they were. */
function judgeHistory(pass: PassResult, size: number, findings: Findings): void {
  const known = pass.marks.filter(({ entries, sealed }) => entries || sealed).map(({ mark }) => mark.size)
  const good = Math.max(0, ...known)
  const bad = Math.min(size, ...pass.marks.filter(({ mark }) => mark.size > good).map(({ mark }) => mark.size))
  const where = `entry ${good} up to entry ${bad - 1}`
  findings.add('history', `What is there is not what was signed: from ${where} something was changed, removed or put in.`, good)
  explain(pass, findings)
  if (pass.different.length === 0)
    findings.add(
      'history',
      'The hash tiles were written anew with it. With a copy of the older tiles (--tiles) the very entry can be named.',
    )
}

/** A checkpoint that the signed tree does not go on from is another history, signed with the same key. */
function judgeMarks(
  pass: PassResult,
  signed: { readonly areEntriesSigned: boolean; readonly areTilesSigned: boolean },
  findings: Findings,
): void {
  for (const { mark, entries, sealed } of pass.marks) {
    const isGood = signed.areEntriesSigned ? entries : signed.areTilesSigned ? sealed : true
    if (isGood) continue
    const text = `${mark.name}, over ${mark.size} entries, is of another history: the log was rewritten before it was signed again.`
    findings.add('checkpoint', text, 0)
  }
}

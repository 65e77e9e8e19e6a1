// The whole log: hash tiles as they were sealed, entries and bodies as they stand in the database now. So the export itself shows what
// became of the entries since: its bundles are not copied from the sealed ones.

import { encodeBundle } from '#core/tlog/entry-bundle.ts'
import { hashBytes } from '#core/tlog/hash.ts'
import { tileWidthAt } from '#core/tlog/read-tiles.ts'
import { tilePath, tileWidth } from '#core/tlog/tile-path.ts'
import { CliError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { fetchIssuers, fetchSealed, finish, type Sealed } from './export-begin.ts'
import type { ExportPlace } from './export-place.ts'
import { type LogSource, stretchPositions } from './log-source.ts'
import { ProgressBar } from './progress-bar.ts'

/** Tiles that are asked for at the same time. */
const tilesAtOnce = 8

export interface Exported {
  readonly size: number
  /** Positions that were fetched now. */
  readonly fetched: number
  /** Positions at which the database has no entry. */
  readonly missing: number
}

interface Line {
  readonly position: number
  readonly leaf: string
  readonly body?: string
}

/** trusted: verifier keys that the caller named. */
export async function exportWhole(
  context: Context,
  source: LogSource,
  place: ExportPlace,
  trusted: readonly string[],
): Promise<Exported> {
  const sealed = await fetchSealed(source, trusted)
  const { origin, size } = sealed.checkpoint
  const begun = stateOf(place, origin)
  const start = begun?.next ?? 0
  if (size < start)
    throw new CliError({
      what: 'The log is shorter than what was exported already.',
      why: `It has ${size} entries, ${start} were exported.`,
    })
  place.putAside()
  place.keepState({ origin, size, next: start, bytes: begun?.bytes ?? 0 })
  // The edge first: the partial tiles of this checkpoint go when the log has grown over them.
  await fetchTiles(
    source,
    place,
    sealed,
    levelsOf(size).flatMap(level => edgeOf(size, level)),
  )
  const bar = new ProgressBar(context.io, 'Exporting', size, start)
  let missing = 0
  try {
    for (let from = start; from < size; from = Math.min(from + stretchPositions, size)) {
      missing += await exportStretch(source, place, sealed, from)
      bar.at(Math.min(from + stretchPositions, size))
      context.io.signal.throwIfAborted()
    }
    await fetchTiles(
      source,
      place,
      sealed,
      levelsOf(size)
        .slice(1)
        .flatMap(level => fullTiles(size, level)),
    )
  } finally {
    bar.end()
  }
  const made_at = new Date(context.io.nowMs()).toISOString()
  finish(place, sealed, await fetchIssuers(context), { origin, shard: sealed.keys.shard, size, made_at })
  return { size, fetched: size - start, missing }
}

function stateOf(place: ExportPlace, origin: string) {
  const state = place.state()
  if (state && (state.tenant !== undefined || state.origin !== origin))
    throw new CliError({
      what: 'This folder holds an export of another log.',
      why: `It is of ${state.origin}${state.tenant === undefined ? '' : `, of ${state.tenant} alone`}.`,
      next: 'Name another folder.',
    })
  place.cutLines(state?.bytes ?? 0)
  return state
}

/** Bundles, bodies and leaf hashes of one stretch. Returns how many entries are missing in it. */
async function exportStretch(source: LogSource, place: ExportPlace, sealed: Sealed, from: number): Promise<number> {
  const { size, origin } = sealed.checkpoint
  const to = Math.min(from + stretchPositions, size)
  const bundles = Array.from({ length: Math.ceil((to - from) / tileWidth) }, (_, at) => from / tileWidth + at)
  const [text] = await Promise.all([
    source.entries({ from, to, size }),
    fetchTiles(
      source,
      place,
      sealed,
      bundles.map(index => ({ level: 0, index })),
    ),
  ])
  const lines = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line)
  const byPosition = new Map(lines.map(line => [line.position, line]))
  // The last bundle may grow: next time it is written again, and its bodies with it.
  const settled = Math.floor(to / tileWidth) * tileWidth
  const bytes = place.appendLines(bodyLines(lines.filter(({ position }) => position < settled)))
  for (const index of bundles) {
    const width = tileWidthAt(size, 0, index)
    // What the database has no row of stands as an entry of no bytes, so that all others keep their places.
    const leaves = Array.from({ length: width }, (_, at) => Buffer.from(byPosition.get(index * tileWidth + at)?.leaf ?? ''))
    place.write(tilePath('entries', index, width), encodeBundle(leaves))
    if (width === tileWidth) place.remove(`${tilePath('entries', index)}.p`)
  }
  place.keepState({ origin, size, next: settled, bytes })
  if (settled < to) place.appendLines(bodyLines(lines.filter(({ position }) => position >= settled)))
  return to - from - lines.length
}

const bodyLines = (lines: readonly Line[]): string =>
  lines.flatMap(({ position, body }) => (body === undefined ? [] : [`${JSON.stringify({ position, body })}\n`])).join('')

interface TileAt {
  readonly level: number
  readonly index: number
}

/** Fetches those that are not there yet. Tiles never change, so one that is there is right, or verifying will tell. */
async function fetchTiles(
  source: LogSource,
  place: ExportPlace,
  { checkpoint: { size }, keys }: Sealed,
  tiles: readonly TileAt[],
): Promise<void> {
  const waiting = tiles.filter(({ level, index }) => !place.has(tilePath(level, index, tileWidthAt(size, level, index))))
  const work = async (): Promise<void> => {
    for (let tile = waiting.shift(); tile; tile = waiting.shift()) {
      const { level, index } = tile
      const width = tileWidthAt(size, level, index)
      const path = tilePath(level, index, width)
      const bytes = (await source.findTile(keys.shard, path)) ?? (await source.findTile(keys.shard, tilePath(level, index)))
      if (!bytes)
        throw new CliError({
          what: `The log has no tile ${path}.`,
          why: 'Its partial tiles go when it grows over them.',
          next: 'Run the same command again.',
        })
      place.write(path, bytes.subarray(0, width * hashBytes))
      if (width === tileWidth) place.remove(`${tilePath(level, index)}.p`)
    }
  }
  await Promise.all(Array.from({ length: tilesAtOnce }, work))
}

/** Levels of tiles that a log of that size has. */
const levelsOf = (size: number): number[] => {
  const levels: number[] = []
  for (let level = 0; Math.floor(size / tileWidth ** level) > 0; level++) levels.push(level)
  return levels
}

function edgeOf(size: number, level: number): TileAt[] {
  const nodes = Math.floor(size / tileWidth ** level)
  return nodes % tileWidth === 0 ? [] : [{ level, index: Math.floor(nodes / tileWidth) }]
}

const fullTiles = (size: number, level: number): TileAt[] =>
  Array.from({ length: Math.floor(size / tileWidth ** (level + 1)) }, (_, index) => ({ level, index }))

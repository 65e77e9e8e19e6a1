// npm run bench:revocation: how long a revoked token still works, at guards in other processes that hold their own streams.
//
// From the commit of the revoking call, as PostgreSQL noted it, to the moment at which the last of all guards has refused the
// token in `verify`. Everything that the guards did is judged afterwards: no acceptance once a guard has applied the revocation, and
// none anywhere after the answer to the caller plus the guards' bound of staleness. Ends with 1 when anything is wrong.

import { setTimeout as delay } from 'node:timers/promises'
import { describeMachine, rssBytesOf } from '../machine.ts'
import { type Figures, latencies, round, spread } from './figures.ts'
import { Fleet } from './fleet.ts'
import { gapsIn, judge, type Revoked } from './history.ts'
import { parseOptions, type RevocationBenchOptions, usage } from './options.ts'
import { revokeFamily, revokeOneByOne, revokeSteadily, type Stage, toRevoked, type Watched } from './scenarios.ts'
import { startRevocationWorld } from './world.ts'

const boundSeconds = 10
const tell = (line: string): boolean => process.stderr.write(`${line}\n`)

let options: RevocationBenchOptions
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${usage}\n`)
  process.exit(2)
}

async function runAll(stage: Stage): Promise<{ figures: Figures; faults: string[] }> {
  const figures: Figures = {}
  const faults: string[] = []
  const all: Revoked[] = []
  const take = async (name: string, watched: readonly Watched[]): Promise<void> => {
    const revoked = await toRevoked(stage.world, watched)
    all.push(...revoked)
    Object.assign(figures, latencies(name, stage.world, watched, revoked))
    if (name === 'family') return
    const timed = revoked.filter((_, i) => watched[i]!.lastRefusalMs !== undefined)
    Object.assign(figures, spread(name, timed, (await stage.fleet.history()).applied, stage.fleet.guards))
  }
  if (options.single > 0) {
    tell(`${options.single} revocations, one at a time, at ${stage.fleet.guards} guards.`)
    await take('single', await revokeOneByOne(stage, options.single))
  }
  if (options.children > 0) {
    tell(`A parent with ${options.children} descendants.`)
    await take('family', [await revokeFamily(stage, options.children)])
  }
  if (options.seconds > 0) {
    tell(`${options.perMinute} revocations a minute for ${options.seconds} s.`)
    const { done, perMinute } = await revokeSteadily(stage, { ...options, watchEvery: 50 })
    figures['steady_revocations_per_min'] = Math.round(perMinute)
    // The last answer comes a little after the last call.
    if (perMinute < 0.97 * options.perMinute)
      faults.push(`${Math.round(perMinute)} revocations a minute, not ${options.perMinute}`)
    await take('steady', done)
  }
  faults.push(...(await judgeRun(stage, all, figures)))
  return { figures, faults }
}

/** Puts what the checker found into the figures; what must not be is returned. */
async function judgeRun({ world, fleet }: Stage, revoked: readonly Revoked[], figures: Figures): Promise<string[]> {
  const epochs = await world.readEpochs()
  const feeds = await arrived(fleet, epochs.at(-1) ?? 0)
  await fleet.look(revoked.flatMap(({ tokens }) => tokens))
  const history = await fleet.history()
  const seen = revoked.filter(({ tokens }) => tokens.length > 0)
  const judged = judge({ guards: fleet.guards, ...history, revoked: seen, boundMs: boundSeconds * 1_000 })
  const holes = gapsIn(epochs).length
  const sum = (pick: (feed: (typeof feeds)[0]) => number): number => feeds.reduce((total, feed) => total + pick(feed), 0)
  Object.assign(figures, {
    guards: fleet.guards,
    entries: epochs.length,
    looks: judged.looks,
    accepted: judged.accepted,
    refused: judged.refused,
    unavailable: judged.unavailable,
    latest_acceptance_after_commit_ms: round(judged.acceptedAfterCommitMs),
    latest_acceptance_after_answer_ms: round(judged.acceptedAfterAnswerMs),
    violations: judged.violations.length,
    gaps: holes + sum(feed => feed.gaps),
    snapshots_taken_again: sum(feed => feed.snapshots) - fleet.guards,
    broker_rss_bytes: await rssBytesOf(world.broker.pid),
  })
  return [
    ...judged.violations.slice(0, 5).map(violation => JSON.stringify(violation)),
    ...(holes > 0 ? [`the feed has ${holes} gaps`] : []),
    ...(judged.other > 0 ? [`refused for other reasons: ${JSON.stringify(history.reasons)}`] : []),
    ...feeds.filter(({ epoch }) => epoch !== (epochs.at(-1) ?? 0)).map(({ guard, epoch }) => `guard ${guard} stands at ${epoch}`),
  ]
}

/** What the guards say of their feeds, once all have come to this epoch, or after a few seconds. */
async function arrived(fleet: Fleet, epoch: number) {
  for (let left = 50; ; left--) {
    const feeds = await fleet.feeds()
    if (left === 0 || feeds.every(feed => feed.epoch === epoch)) return feeds
    await delay(100)
  }
}

const world = await startRevocationWorld()
try {
  const fleet = await Fleet.start(world.fleetOptions(boundSeconds), options.processes, options.guardsPerProcess)
  try {
    const { figures, faults } = await runAll({ world, fleet })
    for (const fault of faults) tell(`✗ ${fault}`)
    if (faults.length > 0) process.exitCode = 1
    if (options.json) console.log(JSON.stringify({ name: 'bench:revocation', machine: describeMachine(), figures }))
    else for (const [name, value] of Object.entries(figures)) console.log(`${name} ${value}`)
  } finally {
    await fleet.stop()
  }
} finally {
  await world.stop()
}

// npm run bench:accounts: does the speed depend on how many accounts live? Two brokers, each with a PostgreSQL of its own,
// one with few live accounts and one with many, asked in turn (A B B A …) for tokens in a thousand of them. Also says how
// many bytes a live account takes with its share of the indexes, and the tombstone that is left of one.

import postgres from 'postgres'
import { addLiveAccounts, addTombstones } from './account-bytes.ts'
import { type BenchBroker, startBenchBroker } from './broker/bench-broker.ts'
import type { Contender } from './contender.ts'
import { describeMachine, rssBytesOf } from './machine.ts'
import { enter, leave, orderOf, runRound, warmUp } from './measure.ts'
import { median } from './statistics.ts'
import { readTwoBrokersOptions } from './two-brokers-options.ts'

const usage = `Usage: npm run bench:accounts -- [--few 1000] [--many 1000000] [--rounds 6] [--seconds 4] [--connections 64] [--json]`
const asked = 1_000

const { size, options } = readTwoBrokersOptions({
  usage,
  size: { few: 1_000, many: 1_000_000 },
  rounds: 6,
  connections: 64,
  most: 5_000_000,
})
const { few, many } = size

const tell = (line: string): boolean => process.stderr.write(`${line}\n`)

/** Live accounts of the same agent beside those that are asked for. tombstones: measured beside them, then gone. */
async function addAccounts(
  { adminUrl }: BenchBroker,
  count: number,
  tombstones = 0,
): Promise<{ account: number; tombstone: number }> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    const [agent] = await sql<[{ tenantId: string; agentId: string; ceilingId: string }]>`
      select tenant_id as "tenantId", id as "agentId", ceiling_id::text as "ceilingId" from mayfly.agent order by created_at limit 1`
    const account = await addLiveAccounts(sql, agent, count)
    const tombstone = await addTombstones(sql, agent.tenantId, tombstones)
    await sql`truncate mayfly.tombstone`
    return { account, tombstone }
  } finally {
    await sql.end()
  }
}

function contender(name: string, broker: BenchBroker): Contender {
  return {
    name,
    start: async () => ({
      trafficModule: import.meta.resolve('./broker/traffic.ts'),
      trafficOptions: { ...broker.trafficOptions, row: 'warm', accounts: asked },
      rssBytes: () => rssBytesOf(broker.pid),
      stop: () => broker.stop(),
    }),
  }
}

tell(`Starting two brokers, with ${few} and ${many} live accounts.`)
const [small, large] = [await startBenchBroker(), await startBenchBroker()]
const entrants = await enter([contender('few', small), contender('many', large)])
try {
  await addAccounts(small, few)
  const bytes = await addAccounts(large, many, many)
  await warmUp(entrants, options)
  for (let i = 0; i < options.rounds; i++)
    await runRound(orderOf(entrants, i), options, ({ name }, { tokensPerSecond }) =>
      tell(`round ${i + 1}/${options.rounds}: ${name} ${tokensPerSecond.toFixed(0)}/s`),
    )
  const [a, b] = entrants as [(typeof entrants)[0], (typeof entrants)[0]]
  const ratios = a.rounds.map((round, i) => round.tokensPerSecond / b.rounds[i]!.tokensPerSecond)
  const figures = {
    few_tokens_per_s: Math.round(median(a.rounds.map(round => round.tokensPerSecond))),
    many_tokens_per_s: Math.round(median(b.rounds.map(round => round.tokensPerSecond))),
    few_to_many_ratio: Number(median(ratios).toFixed(3)),
    account_bytes: Math.round(bytes.account),
    tombstone_bytes: Math.round(bytes.tombstone),
    many_rss_bytes: b.rssBytes,
  }
  if (options.json) console.log(JSON.stringify({ name: 'bench:accounts', machine: describeMachine(), figures }))
  else {
    console.log(`\n${few} live accounts:  ${figures.few_tokens_per_s} tokens/s`)
    console.log(`${many} live accounts: ${figures.many_tokens_per_s} tokens/s, ratio ${figures.few_to_many_ratio}`)
    console.log(
      `A live account takes ${figures.account_bytes} bytes with its share of the indexes, a tombstone ${figures.tombstone_bytes}.`,
    )
  }
} finally {
  await leave(entrants)
}

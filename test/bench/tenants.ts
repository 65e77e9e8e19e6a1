// npm run bench:tenants: does the speed depend on how many tenants, agents and certificate authorities there are? Two brokers,
// each with a PostgreSQL of its own, one with one agent of one tenant and one with many, asked in turn (A B B A …).

import type { JSONWebKeySet } from 'jose'
import { type BenchBroker, startBenchBroker } from './broker/bench-broker.ts'
import { type ManyTenants, registerManyTenants } from './broker/many-tenants.ts'
import type { ManyTenantsOptions, TenantOfTraffic } from './broker/many-tenants-traffic.ts'
import type { Contender } from './contender.ts'
import { describeMachine, rssBytesOf } from './machine.ts'
import { enter, leave, orderOf, ratios, runRound, warmUp } from './measure.ts'
import { failures } from './report.ts'
import { median } from './statistics.ts'
import { readTwoBrokersOptions } from './two-brokers-options.ts'

const usage = `Usage: npm run bench:tenants -- [--tenants 50] [--agents 1000] [--anchors 60] [--rounds 7] [--seconds 4] [--connections 96] [--json]`

const { size, options } = readTwoBrokersOptions({
  usage,
  size: { tenants: 50, agents: 1_000, anchors: 60 } satisfies ManyTenants,
  rounds: 7,
  connections: 96,
  most: 10_000,
})
if (size.agents < size.tenants || size.anchors < size.tenants) throw new Error('Each tenant needs an agent and an anchor.')

const tell = (line: string): boolean => process.stderr.write(`${line}\n`)

const contender = (name: string, broker: BenchBroker, trafficModule: string, trafficOptions: unknown): Contender => ({
  name,
  start: async () => ({ trafficModule, trafficOptions, rssBytes: () => rssBytesOf(broker.pid), stop: () => broker.stop() }),
})

async function describeMany({ registrar, trafficOptions }: BenchBroker, tenants: TenantOfTraffic[]): Promise<ManyTenantsOptions> {
  const { http, platformAdmin, idp } = registrar
  const jwks: Record<string, JSONWebKeySet> = {}
  for (const { slug } of tenants) jwks[slug] = (await http.v1('GET', `/t/${slug}/jwks`, platformAdmin)).body
  const { target, runName } = trafficOptions
  return { target, tenants, subject: { issuer: idp.issuer, keys: idp.keys }, jwks, runName }
}

tell(`Starting two brokers, one with ${size.agents} agents of ${size.tenants} tenants and ${size.anchors} authorities.`)
const [one, many] = [await startBenchBroker(), await startBenchBroker()]
try {
  const perTenant = Math.ceil(options.connections / size.tenants)
  const tenants = await registerManyTenants(many.registrar, size, perTenant)
  const entrants = await enter([
    contender('one', one, import.meta.resolve('./broker/traffic.ts'), {
      ...one.trafficOptions,
      row: 'warm',
      accounts: size.agents,
    }),
    contender('many', many, import.meta.resolve('./broker/many-tenants-traffic.ts'), await describeMany(many, tenants)),
  ])
  try {
    await warmUp(entrants, options)
    for (let i = 0; i < options.rounds; i++)
      await runRound(orderOf(entrants, i), options, ({ name }, { tokensPerSecond }) =>
        tell(`round ${i + 1}/${options.rounds}: ${name} ${tokensPerSecond.toFixed(0)}/s`),
      )
    const [a, b] = entrants as [(typeof entrants)[0], (typeof entrants)[0]]
    const each = ratios(a, b)
    const figures = {
      one_tokens_per_s: Math.round(median(a.rounds.map(round => round.tokensPerSecond))),
      many_tokens_per_s: Math.round(median(b.rounds.map(round => round.tokensPerSecond))),
      one_to_many_ratio: Number(median(each).toFixed(3)),
      lowest_ratio: Number(Math.min(...each).toFixed(3)),
      highest_ratio: Number(Math.max(...each).toFixed(3)),
      one_rss_bytes: a.rssBytes,
      many_rss_bytes: b.rssBytes,
    }
    const failed = [...failures(a), ...failures(b)]
    if (failed.length > 0) process.exitCode = 1
    if (options.json) console.log(JSON.stringify({ name: 'bench:tenants', machine: describeMachine(), figures }))
    else {
      console.log(`\none agent of one tenant: ${figures.one_tokens_per_s} tokens/s`)
      console.log(
        `${size.agents} agents of ${size.tenants} tenants, ${size.anchors} authorities: ${figures.many_tokens_per_s} tokens/s`,
      )
      console.log(`ratio ${figures.one_to_many_ratio} (${figures.lowest_ratio}–${figures.highest_ratio})`)
      for (const reason of failed) console.log(`FAILED: ${reason}`)
    }
  } finally {
    await leave(entrants)
  }
} finally {
  await Promise.allSettled([one.stop(), many.stop()])
}

// npm run bench: the broker beside node-oidc-provider, in interleaved rounds. Loopback only; bounded in count and time;
// ends by itself. Exits 1 when any answer failed to verify.

import { brokerContenders } from './broker-contender.ts'
import { describeMachine } from './machine.ts'
import { type Entrant, enter, leave, orderOf, runLatency, runRound, warmUp } from './measure.ts'
import { type BenchOptions, parseOptions, usage } from './options.ts'
import { peerContender } from './peer/peer-contender.ts'
import { failures, toFigures, toText } from './report.ts'

/** Well over what the plan takes; then the run is ended from outside the plan. */
function watchdogMs(options: BenchOptions, contenders: number): number {
  const perRound = contenders * (options.seconds + options.warmupSeconds + 5)
  return ((options.rounds + 1) * perRound + contenders * (options.latencySeconds + 20) + 120) * 1000
}

async function bench(options: BenchOptions): Promise<Entrant[]> {
  const tell = (line: string) => process.stderr.write(`${line}\n`)
  const wanted = brokerContenders().filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  const entrants = await enter([peerContender(), ...wanted])
  const watchdog = setTimeout(
    () => {
      tell('The bench takes too long and is ended.')
      void leave(entrants).finally(() => process.exit(1))
    },
    watchdogMs(options, entrants.length),
  )
  try {
    await warmUp(entrants, options)
    for (let i = 0; i < options.rounds; i++) {
      await runRound(orderOf(entrants, i), options, ({ name }, { tokensPerSecond }) =>
        tell(`round ${i + 1}/${options.rounds}: ${name} ${tokensPerSecond.toFixed(0)}/s`),
      )
    }
    if (options.latencySeconds > 0) for (const entrant of entrants) await runLatency(entrant, options)
    return entrants
  } finally {
    clearTimeout(watchdog)
    await leave(entrants)
  }
}

if (process.argv.includes('--help')) {
  console.log(usage)
  process.exit()
}
try {
  const options = parseOptions(process.argv.slice(2))
  const entrants = await bench(options)
  const machine = describeMachine()
  if (!options.json) console.log(`\n${toText(entrants, machine)}`)
  else console.log(JSON.stringify({ name: 'bench', machine, figures: toFigures(entrants) }))
  if (entrants.some(entrant => failures(entrant).length > 0)) process.exitCode = 1
} catch (error) {
  console.error(`${(error as Error).message}\n${usage}`)
  process.exitCode = 1
}

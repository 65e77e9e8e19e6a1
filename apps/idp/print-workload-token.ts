// Prints one workload token, signed with the keys of a state folder: what a CI job would find in its environment.
//   node apps/idp/print-workload-token.ts --state .mayfly --sub repo:example/app --aud https://localhost:8443 --run-id 42

import { parseArgs } from 'node:util'
import { readIdpState } from './idp-state.ts'
import { mintWorkloadToken } from './workload-token.ts'
import { parseRequest } from './workload-token-route.ts'

const usage = `Prints one workload token of the development provider, as a CI job would find it in its environment.

Usage: node apps/idp/print-workload-token.ts --state <folder> --sub <subject> --aud <audience>
  [--run-id <id>] [--ttl <seconds>] [--claims <JSON object>] [--cnf <JSON object>] [--alg ES256|RS256] [--issuer <url>]`

/** The token that the arguments ask for. Throws an Error that says what is wrong with them. */
export async function printWorkloadToken(args: string[], nowSeconds: number): Promise<string> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: { state: text, sub: text, aud: text, 'run-id': text, ttl: text, claims: text, cnf: text, alg: text, issuer: text },
  })
  if (!values.state) throw new Error('--state is missing.')
  const request = parseRequest(
    JSON.stringify({
      sub: values.sub,
      aud: values.aud,
      run_id: values['run-id'],
      ttl_seconds: values.ttl === undefined ? undefined : Number(values.ttl),
      claims: values.claims && JSON.parse(values.claims),
      cnf: values.cnf && JSON.parse(values.cnf),
      alg: values.alg,
    }),
  )
  if (typeof request === 'string') throw new Error(request)
  const state = await readIdpState(values.state)
  const issuer = values.issuer ?? state.issuer
  if (!issuer) throw new Error('The provider has not listened yet, so its issuer is not known: start it, or give --issuer.')
  return mintWorkloadToken(state.keys, { ...request, issuer, nowSeconds })
}

if (import.meta.main && process.argv.includes('--help')) process.stdout.write(`${usage}\n`)
else if (import.meta.main) {
  printWorkloadToken(process.argv.slice(2), Math.floor(Date.now() / 1000)).then(
    token => process.stdout.write(`${token}\n`),
    (error: Error) => {
      console.error(`${error.message}\n${usage}`)
      process.exitCode = 1
    },
  )
}

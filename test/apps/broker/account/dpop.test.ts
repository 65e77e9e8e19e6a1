// An account token that is bound to a DPoP key: good with a proof for this very call, once.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { DpopAgent } from '#test/conformance/dpop-agent.ts'
import { useBroker } from '#test/setup/use-broker.ts'

const broker = useBroker()
const agent = new DpopAgent(broker)

async function tokenOfAccount(): Promise<string> {
  const form = { resource: broker.running.issuer, scope: 'account', task_id: 'dpop' }
  const answer = await agent.ask(await agent.goodProof(), form)
  expect([answer.status, answer.body.token_type]).toEqual([200, 'DPoP'])
  return answer.body.access_token
}

const ath = (token: string): string => createHash('sha256').update(token).digest('base64url')
const get = (token: string, proof: string | undefined, scheme = 'DPoP') =>
  broker.https.send(`${broker.running.issuer}/account`, {
    headers: { authorization: `${scheme} ${token}`, ...(proof !== undefined && { dpop: proof }) },
  })

describe('an account token that is bound to a DPoP key', () => {
  test('is taken with a proof for the call and the token, once', async () => {
    const token = await tokenOfAccount()
    const proof = agent.proof({ htm: 'GET', htu: `${broker.running.issuer}/account`, ath: ath(token) })
    expect((await get(token, proof)).body).toMatchObject({ task_id: 'dpop', state: 'active' })
    expect((await get(token, proof)).status).toBe(401)
  })

  test('is not taken otherwise', async () => {
    const token = await tokenOfAccount()
    const good = { htm: 'GET', htu: `${broker.running.issuer}/account`, ath: ath(token) }
    const thief = new DpopAgent(broker)
    const proofs: [string | undefined, string][] = [
      [undefined, 'DPoP'],
      [agent.proof(good), 'Bearer'],
      [agent.proof({ ...good, ath: undefined }), 'DPoP'],
      [agent.proof({ ...good, ath: ath('other') }), 'DPoP'],
      [agent.proof({ ...good, htm: 'POST' }), 'DPoP'],
      [agent.proof({ ...good, htu: `${broker.running.issuer}/token` }), 'DPoP'],
      [thief.proof(good), 'DPoP'],
      [`${agent.proof(good)}, ${agent.proof(good)}`, 'DPoP'],
    ]
    for (const [proof, scheme] of proofs) expect((await get(token, proof, scheme)).status).toBe(401)
  })
})

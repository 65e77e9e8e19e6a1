import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStateFolder, type StateFolder } from '#apps/standalone/state-folder.ts'
import { loadTlsMaterial } from '#apps/standalone/tls-material.ts'

const start = new Date('2026-06-01T00:00:00Z')
const daysLater = (days: number): Date => new Date(start.getTime() + days * 86_400_000)

let dir: string
let state: StateFolder
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mayfly-tls-'))
  state = openStateFolder(dir)
})
afterEach(() => {
  state.release()
  rmSync(dir, { recursive: true })
})

test('keeps certificates while they last', async () => {
  const first = await loadTlsMaterial(state, start)
  const second = await loadTlsMaterial(state, daysLater(50))
  expect(second.server.certPem).toBe(first.server.certPem)
  expect(second.agent.certPem).toBe(first.agent.certPem)
})

test('renews a leaf with less than seven days left, under the same authority', async () => {
  const first = await loadTlsMaterial(state, start)
  const second = await loadTlsMaterial(state, daysLater(54))
  expect(second.caPem).toBe(first.caPem)
  expect(second.server.certPem).not.toBe(first.server.certPem)
  expect(new X509Certificate(second.server.certPem).validToDate.getTime()).toBeGreaterThan(daysLater(100).getTime())
})

test('replaces an authority before it would cut its leaves short, and everything below it', async () => {
  const first = await loadTlsMaterial(state, start)
  const second = await loadTlsMaterial(state, daysLater(700))
  expect(second.caPem).not.toBe(first.caPem)
  const { publicKey } = new X509Certificate(second.caPem)
  expect(new X509Certificate(second.server.certPem).verify(publicKey)).toBe(true)
})

test('vouches for servers and for agents by two authorities', async () => {
  const { caPem, agentCa, agent, server } = await loadTlsMaterial(state, start)
  const [ca, agents] = [new X509Certificate(caPem), new X509Certificate(agentCa.certificatePem)]
  expect(new X509Certificate(agent.certPem).verify(agents.publicKey)).toBe(true)
  expect(new X509Certificate(agent.certPem).verify(ca.publicKey)).toBe(false)
  expect(new X509Certificate(server.certPem).verify(agents.publicKey)).toBe(false)
  for (const host of ['localhost', '127.0.0.1', '::1']) {
    const leaf = new X509Certificate(server.certPem)
    expect(leaf.checkHost(host) ?? leaf.checkIP(host), host).toBeDefined()
  }
})

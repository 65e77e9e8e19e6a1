// What stands beside the feed: status lists, what a guard is told at the start, and what it tells of its decisions.

import { deflateSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { json } from '../../test/tls.ts'
import { createGuard, type GuardDecision } from '../src/index.ts'
import { credential, useFeed } from './feed-world.ts'
import { jwks, requestWith, resource, signToken } from './issuer.ts'

const world = useFeed()

describe('a token that names a status list', () => {
  /** Serves one list of one bit a token; idx 1 is revoked. */
  function serveList(): string {
    const uri = `${world.feed.origin}/status-lists/one`
    world.feed.other = ({ path }, response) => {
      if (path !== '/status-lists/one') return false
      const iat = Math.floor(Date.now() / 1000)
      const lst = deflateSync(Buffer.from([0b10])).toString('base64url')
      const claims = { sub: uri, iat, exp: iat + 60, ttl: 5, status_list: { bits: 1, lst } }
      response.writeHead(200, { 'content-type': 'application/statuslist+jwt' })
      response.end(signToken(claims, { typ: 'statuslist+jwt' }))
      return true
    }
    return uri
  }
  const onList = (uri: string, idx: number) => world.token({ status: { status_list: { idx, uri } } })

  test('is judged by it while the feed cannot be followed', async () => {
    const uri = serveList()
    world.feed.answerInstead = (_, response) => json(response, 503, {})
    const guard = world.guard()
    expect(await onList(uri, 0).ask(guard)).toBe('allowed')
    expect(await onList(uri, 1).ask(guard)).toBe('401 token_revoked')
    expect(await onList(`${uri}-none`, 0).ask(guard)).toBe('503 revocation_unknown')
    expect(await world.token().ask(guard)).toBe('503 revocation_unknown')
  })

  test('is not judged by it any more once the guard is closed', async () => {
    const uri = serveList()
    const guard = await world.following()
    expect(await onList(uri, 0).ask(guard)).toBe('allowed')
    await guard.close()
    expect(await onList(uri, 0).ask(guard)).toBe('503 revocation_unknown')
  })

  test('is judged by it alone, without a credential, where the guard was told so; others are refused', async () => {
    const uri = serveList()
    const guard = createGuard({
      issuer: world.feed.origin,
      resource,
      jwks,
      tls: { ca: world.authority.pem },
      revocation: { mode: 'status-list' },
    })
    world.guards.push(guard)
    expect(await onList(uri, 0).ask(guard)).toBe('allowed')
    expect(await onList(uri, 1).ask(guard)).toBe('401 token_revoked')
    expect(await world.token().ask(guard)).toBe('401 status_missing')
    expect(world.feed.received.filter(({ path }) => path.startsWith('/v1/feed'))).toEqual([])
  })

  test('is over where it ended while the list was read', async () => {
    const uri = serveList()
    const serveNow = world.feed.other
    let passedMs = 0
    world.feed.other = (received, response) => {
      if (received.path.startsWith('/status-lists')) passedMs = 300_000
      return serveNow(received, response)
    }
    const guard = createGuard({
      issuer: world.feed.origin,
      resource,
      jwks,
      tls: { ca: world.authority.pem },
      revocation: { mode: 'status-list', maxStaleSeconds: 600 },
      onWarning: () => {},
      clock: () => Date.now() + passedMs,
    })
    world.guards.push(guard)
    expect(await onList(uri, 0).ask(guard)).not.toBe('allowed')
  })

  test('has a claim of that shape, or is none', async () => {
    for (const status of ['valid', {}, { status_list: {} }, { status_list: { idx: -1, uri: 'x' } }, { status_list: { idx: 0 } }])
      expect(await world.token({ status }).ask(world.guard())).toBe('401 claims_malformed')
  })
})

describe('what a guard is told at the start', () => {
  const options = { issuer: 'https://broker.example', resource, jwks }

  test('it does not guess how to learn of revocations', () => {
    expect(() => createGuard(options)).toThrow("revocation: { mode: 'none' }")
    expect(() => createGuard({ ...options, revocation: { mode: 'feed' } })).toThrow('needs the resource')
  })

  test.each<[object, RegExp]>([
    [{ mode: 'poll' }, /revocation.mode/],
    [{ mode: 'feed', maxStaleSeconds: 0 }, /maxStaleSeconds/],
    [{ mode: 'feed', maxStaleSeconds: Number.POSITIVE_INFINITY }, /maxStaleSeconds/],
    [{ mode: 'feed', maxStaleSeconds: Number.NaN }, /maxStaleSeconds/],
    [{ mode: 'feed', maxEntries: 0 }, /maxEntries/],
    [{ mode: 'feed', name: 'a b' }, /revocation.name/],
  ])('%j stops it', (revocation, problem) => {
    expect(() => createGuard({ ...options, credential, revocation: revocation as never })).toThrow(problem)
  })

  test.each(['false', 'true', 0, {}, null])('%j does not make it take bearer tokens: it stops', allowBearer => {
    expect(() => createGuard({ ...options, credential, allowBearer: allowBearer as never })).toThrow(/allowBearer/)
  })

  test('what makes it lax is said once', async () => {
    const lax = world.guard({ revocation: { mode: 'none' } })
    expect(await world.token().ask(lax)).toBe('allowed')
    expect(lax.stats()).toMatchObject({ revocation: 'none', feed: undefined })
    world.guard({ revocation: { mode: 'feed', maxStaleSeconds: 60 } })
    expect(world.warnings).toEqual(['revocation_none', 'stale_bound_wide'])
  })

  test('it is said by the process where nobody listens', async () => {
    const told = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    world.guards.push(createGuard({ ...options, revocation: { mode: 'none' } }))
    expect(told).toHaveBeenCalledWith(
      expect.stringContaining('until it expires'),
      expect.objectContaining({ type: 'MayflyGuardWarning' }),
    )
    told.mockRestore()
  })
})

describe('decisions', () => {
  test('are told to the owner, with the claims where the token held, and their units to the broker', async () => {
    const told: GuardDecision[] = []
    const reported: { units?: number }[] = []
    world.feed.other = ({ path, body }, response) => {
      if (path !== '/v1/decisions') return false
      reported.push(...JSON.parse(body).decisions)
      response.writeHead(202).end()
      return true
    }
    const guard = world.guard({
      report: true,
      onDecision: decision => told.push(decision),
      unitsOf: ({ token }) => (token ? 3 : 9),
    })
    const { claims, ask } = world.token()
    await ask(guard)
    await guard.verify({ ...requestWith(signToken(claims)), url: '/v1/other' })
    await guard.verify(requestWith('x.y.z'))
    expect(told.map(({ outcome, reason, token }) => [outcome, reason, token?.jti])).toEqual([
      ['allow', 'granted', claims['jti']],
      ['deny', 'operation_not_granted', claims['jti']],
      ['deny', 'token_malformed', undefined],
    ])
    expect(told[0]).toMatchObject({ granted: { type: 'agent_http' }, request: { method: 'GET' }, tookMs: expect.any(Number) })
    await guard.flush()
    expect(reported.map(({ units }) => units)).toEqual([3, undefined, undefined])
  })

  test('stand whatever a hook does', async () => {
    const throwing = () => {
      throw new Error('no')
    }
    const guard = world.guard({ report: true, onDecision: throwing, unitsOf: () => -1 })
    expect(await world.token().ask(guard)).toBe('allowed')
    expect(await world.token().ask(guard)).toBe('allowed')
    expect(world.warnings).toEqual(['hook_failed'])
  })
})

import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '#core/errors/codes.ts'
import type { ExchangeRequest } from '#core/exchange/exchange-request.ts'
import { Grants } from '#core/exchange/grant.ts'
import type { AgentSettings } from '#core/registry/agent.ts'
import type { ResourceConfig } from '#core/registry/resource.ts'
import { audience, makeAgent, makeResource, makeSnapshot, resourceUri } from '../subject/snapshot.ts'

const detail = (change: Record<string, unknown> = {}) => ({
  locations: [resourceUri],
  methods: ['GET'],
  type: 'agent_http',
  uri_template: '/orders/{id}',
  ...change,
})
const ceiling = { details: [detail({ methods: ['GET', 'POST'] }) as never], scopes: ['orders:read', 'orders:write'] }

interface Scene {
  request?: Partial<ExchangeRequest>
  resource?: Partial<ResourceConfig>
  settings?: Partial<AgentSettings>
  account?: typeof ceiling
}

const other = makeResource({}, 'https://other.example')

function evaluate({ request, resource, settings, account = ceiling }: Scene) {
  const agent = makeAgent([], { ceiling }, settings)
  const snapshot = makeSnapshot({ agents: [agent], resources: [makeResource(resource), other] })
  const asked = { targets: [resourceUri], scope: undefined, authorizationDetails: undefined, allowNarrowing: false, ...request }
  return new Grants().evaluate(snapshot, agent, { id: 'c', permission: account }, asked as ExchangeRequest)
}
const details = (...entries: unknown[]) => ({ authorizationDetails: JSON.stringify(entries) })

describe('what is refused', () => {
  test.each<[name: string, scene: Scene, code: ErrorCode, reason: string]>([
    ['nothing asked, and no default', {}, 'scope_refused', 'nothing_asked'],
    ['no target', { request: { targets: [], scope: 'orders:read' } }, 'target_refused', 'no_target'],
    [
      'an unregistered target',
      { request: { targets: ['https://evil.example'], scope: 'orders:read' } },
      'target_refused',
      'unknown_target',
    ],
    [
      'a target with a slash more',
      { request: { targets: [`${resourceUri}/`], scope: 'orders:read' } },
      'target_refused',
      'unknown_target',
    ],
    [
      'resource and audience that disagree',
      { request: { targets: [resourceUri, other.uri], scope: 'orders:read' } },
      'target_refused',
      'several_targets',
    ],
    [
      'one known and one unknown target',
      { request: { targets: [resourceUri, 'https://evil.example'], scope: 'orders:read' } },
      'target_refused',
      'unknown_target',
    ],
    ['a malformed scope', { request: { scope: 'orders:read "' } }, 'scope_refused', 'malformed_scope'],
    ['a scope that the resource does not know', { request: { scope: 'orders:burn' } }, 'scope_refused', 'unknown_scope'],
    ['a scope beyond the agent', { request: { scope: 'orders:read orders:delete' } }, 'scope_refused', 'beyond_ceiling_scope'],
    [
      'a scope beyond the account',
      { request: { scope: 'orders:write' }, account: { ...ceiling, scopes: ['orders:read'] } },
      'scope_refused',
      'beyond_ceiling_scope',
    ],
    ['details that are no JSON', { request: { authorizationDetails: '[' } }, 'details_refused', 'malformed_details'],
    [
      'details with a doubled member',
      { request: { authorizationDetails: '[{"type":"agent_http","type":"agent_row"}]' } },
      'details_refused',
      'malformed_details',
    ],
    ['details of an unknown type', { request: details({ type: 'agent_root' }) }, 'details_refused', 'malformed_details'],
    [
      'details of a type that the resource does not register',
      { request: details({ type: 'agent_tool', locations: [resourceUri], actions: ['search'] }) },
      'details_refused',
      'unknown_details_type',
    ],
    [
      'details beyond the agent',
      { request: details(detail({ methods: ['DELETE'] })) },
      'details_refused',
      'beyond_ceiling_details',
    ],
    [
      'details beyond the account',
      { request: details(detail()), account: { ...ceiling, details: [] } },
      'details_refused',
      'beyond_ceiling_details',
    ],
    [
      'details of another place',
      { request: details(detail({ locations: ['https://other.example'] })) },
      'details_refused',
      'foreign_location',
    ],
    [
      'details of a place that only begins alike',
      { request: details(detail({ locations: [`${resourceUri}-evil`] })) },
      'details_refused',
      'foreign_location',
    ],
    [
      'details at a verifier that does not look at them',
      { request: details(detail()), resource: { enforces: ['cnf'] } },
      'target_refused',
      'rar_not_enforced',
    ],
    [
      'a key-bound token at a verifier that does not check keys',
      { request: { scope: 'orders:read' }, resource: { enforces: ['rar'] } },
      'target_refused',
      'cnf_not_enforced',
    ],
    [
      'tokens that live long at a verifier that does not learn of revocations',
      { request: { scope: 'orders:read' }, resource: { max_ttl_seconds: 901 } },
      'target_refused',
      'feed_not_enforced',
    ],
    [
      'a bearer agent at a resource that wants keys',
      { request: { scope: 'orders:read' }, resource: { proof: 'pop' }, settings: { binding: 'bearer' } },
      'target_refused',
      'proof_demanded',
    ],
    [
      'narrowing that leaves nothing',
      { request: { scope: 'orders:delete', allowNarrowing: true } },
      'scope_refused',
      'beyond_ceiling_empty',
    ],
    [
      'a default for another resource',
      { request: { targets: [other.uri] }, settings: { default_permission: { resource: resourceUri, scope: 'orders:read' } } },
      'scope_refused',
      'nothing_asked',
    ],
    [
      'a default that is beyond the ceiling by now',
      { settings: { default_permission: { resource: resourceUri, scope: 'orders:delete' } } },
      'scope_refused',
      'beyond_ceiling_scope',
    ],
  ])('%s', (_, scene, code, reason) => {
    const result = evaluate(scene)
    expect(result).toMatchObject({ ok: false, code, reason })
    // RFC 6749 § 5.2: what `error_description` may hold.
    expect('hint' in result && result.hint).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+\.$/)
  })
})

describe('what is granted', () => {
  test('is what was asked, in normal form, with the hash of it', () => {
    const result = evaluate({ request: { scope: 'orders:write orders:read', ...details(detail()) } })
    expect(result).toMatchObject({
      ok: true,
      granted: { details: [detail()], scopes: ['orders:read', 'orders:write'] },
      dropped: { details: [], scopes: [] },
      resourceHash: expect.stringMatching(/^[\w-]{43}$/),
    })
  })

  test('is, narrowed on request, whole entries only, and what was dropped is told', () => {
    const result = evaluate({ request: { scope: 'orders:read orders:delete', allowNarrowing: true } })
    expect(result).toMatchObject({ ok: true, granted: { scopes: ['orders:read'] }, dropped: { scopes: ['orders:delete'] } })
  })

  test('is the registration’s default when nothing is asked, and never added to what is', () => {
    const settings = { default_permission: { resource: resourceUri, scope: 'orders:read', authorization_details: [detail()] } }
    expect(evaluate({ request: { targets: [] }, settings })).toMatchObject({
      ok: true,
      granted: { details: [detail()], scopes: ['orders:read'] },
    })
    expect(evaluate({ request: { targets: [], scope: 'orders:write' }, settings })).toMatchObject({
      ok: true,
      granted: { details: [], scopes: ['orders:write'] },
    })
  })

  test('for one resource named twice is for that one', () => {
    expect(evaluate({ request: { targets: [resourceUri, resourceUri], scope: 'orders:read' } })).toMatchObject({
      ok: true,
      resource: { uri: resourceUri },
    })
  })
})

describe('what is remembered', () => {
  test('belongs to snapshot, agent and account ceiling, and to the very request', () => {
    const grants = new Grants()
    const [narrow, wide] = [makeAgent([], { ceiling: { details: [], scopes: [] } }), makeAgent([], { ceiling })]
    const snapshot = makeSnapshot({ agents: [narrow, wide] })
    const ask = (
      agent: typeof wide,
      id: string,
      permission: typeof ceiling,
      scope: string,
      allowNarrowing = false,
      on = snapshot,
    ) =>
      grants.evaluate(on, agent, { id, permission }, {
        targets: [resourceUri],
        scope,
        authorizationDetails: undefined,
        allowNarrowing,
      } as never).ok
    const none = { details: [], scopes: [] }
    expect(ask(wide, '1', ceiling, 'orders:read')).toBe(true)
    expect(ask(wide, '1', ceiling, 'orders:read')).toBe(true)
    expect(ask(narrow, '1', ceiling, 'orders:read')).toBe(false)
    expect(ask(wide, '2', none, 'orders:read')).toBe(false)
    expect(ask(wide, '1', ceiling, 'orders:read orders:delete')).toBe(false)
    expect(ask(wide, '1', ceiling, 'orders:read orders:delete', true)).toBe(true)
    expect(ask(wide, '1', ceiling, 'orders:read', false, makeSnapshot({ resources: [] }))).toBe(false)
  })
})

test('the hash of a grant is bound to its issuer', () => {
  const result = evaluate({ request: { scope: 'orders:read' } })
  const agent = makeAgent([], { ceiling })
  const snapshot = makeSnapshot({ agents: [agent] })
  const foreign = { ...snapshot, tenant: { ...snapshot.tenant, issuer: `${audience}/t/b` } }
  const there = new Grants().evaluate(foreign, agent, { id: 'c', permission: ceiling }, {
    targets: [resourceUri],
    scope: 'orders:read',
    allowNarrowing: false,
  } as never)
  expect(result.ok && there.ok && result.resourceHash !== there.resourceHash).toBe(true)
})

// The guard stands alone and has a matcher of its own; core/permission has the reference. What the guard lets through, the
// reference allows; and where every router reads a request alike, the two say the same.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AgentHttp, agentHttp } from '#core/permission/agent-http.ts'
import { type AgentRow, agentRow } from '#core/permission/agent-row.ts'
import { type AgentTool, agentTool } from '#core/permission/agent-tool.ts'
import { detailOf, requestOf } from '#test/core/permission/arbitraries.ts'
import { compileAgentHttp, coversRequest, type AgentHttp as GuardHttp } from '../../packages/guard/src/permission/agent-http.ts'
import { compileAgentRow, coversRow, type AgentRow as GuardRow } from '../../packages/guard/src/permission/agent-row.ts'
import { compileAgentTool, coversCall, type AgentTool as GuardTool } from '../../packages/guard/src/permission/agent-tool.ts'
import type { GrantedDetail } from '../../packages/guard/src/permission/detail.ts'
import { parseLivePath } from '../../packages/guard/src/permission/live-path.ts'
import { placeResource } from '../../packages/guard/src/permission/place.ts'

const runs = { numRuns: 3000 }

/** Path parameters and double encoding are read in two ways by some routers; the guard refuses what the reference still reads. */
const isPlain = (path: string): boolean => !/;|%25/i.test(path)

function guardAllows(detail: AgentHttp, location: string, method: string, path: string): boolean {
  const place = placeResource(location)
  const entry: GuardHttp | undefined = compileAgentHttp(detail as unknown as GrantedDetail, place)
  const live = parseLivePath(`${new URL(location).pathname.replace(/\/$/, '')}${path}`)
  return entry !== undefined && live !== undefined && !live.hasQuery && coversRequest(entry, method, live.segments)
}

describe('agent_http', () => {
  test('the guard lets through nothing that the reference refuses, and the same for plain paths', () => {
    let allowed = 0
    fc.assert(
      fc.property(detailOf('agent_http'), requestOf.agent_http, (raw, request) => {
        const { content_digest: _digest, ...detail } = raw as AgentHttp
        const { contentDigest: _live, ...live } = request
        const byGuard = guardAllows(detail, request.location, request.method, request.path)
        const byReference = agentHttp.matches(detail, live)
        if (byGuard) expect(byReference).toBe(true)
        if (isPlain(request.path) && isPlain(detail.uri_template)) expect(byGuard).toBe(byReference)
        if (byReference) allowed++
      }),
      runs,
    )
    expect(allowed).toBeGreaterThan(20)
  })

  test('a digest is compared with that of the body', () => {
    const body = '{"amount":"10.00"}'
    const content_digest = createHash('sha256').update(body).digest('base64url')
    const detail = {
      type: 'agent_http',
      locations: ['https://a.example/'],
      methods: ['POST'],
      uri_template: '/p',
      content_digest,
    } as const
    expect(compileAgentHttp(detail as unknown as GrantedDetail, placeResource('https://a.example/'))?.contentDigest).toBe(
      content_digest,
    )
    const request = { location: 'https://a.example/', method: 'POST', path: '/p' }
    expect(agentHttp.matches(detail, { ...request, contentDigest: content_digest })).toBe(true)
    expect(agentHttp.matches(detail, request)).toBe(false)
  })
})

test('agent_row: the same verdict', () => {
  let allowed = 0
  fc.assert(
    fc.property(detailOf('agent_row'), requestOf.agent_row, (raw, request) => {
      const detail = raw as AgentRow
      const entry: GuardRow | undefined = compileAgentRow(detail as unknown as GrantedDetail, placeResource(request.location))
      const byGuard =
        entry !== undefined && coversRow(entry, { type: 'agent_row', action: request.action, identifier: request.identifier })
      const byReference = agentRow.matches(detail, request)
      if (byGuard) expect(byReference).toBe(true)
      // The guard takes the resource's identifiers as they stand; the reference takes other spellings of the same.
      if (!/%/.test(request.identifier)) expect(byGuard).toBe(byReference)
      if (byReference) allowed++
    }),
    runs,
  )
  expect(allowed).toBeGreaterThan(20)
})

test('agent_tool: the same verdict', () => {
  let allowed = 0
  fc.assert(
    fc.property(detailOf('agent_tool'), requestOf.agent_tool, (raw, request) => {
      const detail = raw as AgentTool
      const entry: GuardTool | undefined = compileAgentTool(detail as unknown as GrantedDetail, placeResource(request.location))
      const byGuard =
        entry !== undefined && coversCall(entry, { type: 'agent_tool', tool: request.tool, arguments: request.arguments })
      const byReference = agentTool.matches(detail, request)
      expect(byGuard).toBe(byReference)
      if (byReference) allowed++
    }),
    runs,
  )
  expect(allowed).toBeGreaterThan(20)
})

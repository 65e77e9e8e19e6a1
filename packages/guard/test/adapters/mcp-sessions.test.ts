import { expect, test } from 'vitest'
import { McpSessions, sessionsNamed } from '../../src/adapters/mcp-sessions.ts'

test('whoever opens sessions without end pushes out its own, and nobody else’s becomes free', () => {
  const sessions = new McpSessions()
  sessions.used('of-the-victim', 'acct_1', 'POST', 200)
  for (let count = 0; count < 10_050; count += 1) sessions.used(`flood-${count}`, 'acct_2', 'POST', 200)
  expect(sessions.isOpenTo('of-the-victim', 'acct_2')).toBe(false)
  expect(sessions.isOpenTo('of-the-victim', 'acct_1')).toBe(true)
  expect(sessions.isOpenTo('flood-10049', 'acct_1')).toBe(false)
})

test('a session is nobody’s that the server did not know, or has ended', () => {
  const sessions = new McpSessions()
  sessions.used('made-up', 'acct_1', 'POST', 404)
  sessions.used('ended', 'acct_1', 'POST', 200)
  sessions.used('ended', 'acct_1', 'DELETE', 200)
  for (const session of ['made-up', 'ended']) expect(sessions.isOpenTo(session, 'acct_2')).toBe(true)
})

test('a request names all sessions that a server might take it for, so that one’s own does not hide another’s', () => {
  expect(sessionsNamed('mine', '/messages?sessionId=others')).toEqual(['mine', 'others'])
  expect(sessionsNamed(null, 'https://api.example/messages?x=1&%73essionId=a&sessionId=b')).toEqual(['a', 'b'])
  expect(sessionsNamed(undefined, '/mcp')).toEqual([])
})

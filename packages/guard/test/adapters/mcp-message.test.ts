import { describe, expect, test } from 'vitest'
import { isUtf8, operationOf, parseMessage } from '../../src/adapters/mcp-message.ts'

const parse = (text: string, type = 'application/json', encoding?: string) => parseMessage(Buffer.from(text), type, encoding)

test.each([
  [undefined, true],
  [null, true],
  ['application/json', true],
  ['application/json; charset=utf-8', true],
  ['application/json;charset="UTF-8"', true],
  ['application/json; charset=utf-7', false],
  ['application/json; charset=utf-8; charset=utf-7', false],
  ['application/json; charset=', false],
])('content type %j is UTF-8: %s', (type, expected) => expect(isUtf8(type)).toBe(expected))

test.each([
  ['a name twice', '{"method":"ping","method":"tools/call"}'],
  ['a name twice, once in escapes', '{"method":"ping","\\u006dethod":"tools/call"}'],
  ['an array', '[{"method":"ping"}]'],
  ['a byte order mark', '\ufeff{"method":"ping"}'],
  ['two messages', '{"method":"ping"}{"method":"ping"}'],
  ['nothing', ''],
])('does not parse %s', (_, text) => expect(parse(text)).toBeUndefined())

test('does not parse bytes that are no UTF-8, nor what is compressed', () => {
  expect(parseMessage(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), null, null)).toBeUndefined()
  expect(parse('{"method":"ping"}', 'application/json', 'gzip')).toBeUndefined()
  expect(parse('{"method":"ping"}', 'application/json', 'identity')).toEqual({ method: 'ping' })
})

describe('a message', () => {
  const presence = { type: 'presence' }
  test.each([
    ['ping', { method: 'ping', id: 1 }, presence],
    ['an answer', { id: 1, result: {} }, presence],
    ['an answer that is an error', { id: 1, error: {} }, presence],
    ['a result of nothing', { result: {} }, undefined],
    [
      'a call',
      { method: 'tools/call', params: { name: 'a', arguments: { b: 1 } } },
      { type: 'agent_tool', tool: 'a', arguments: { b: 1 } },
    ],
    [
      'a call without arguments',
      { method: 'tools/call', params: { name: 'a' } },
      { type: 'agent_tool', tool: 'a', arguments: {} },
    ],
    [
      'a call that looks like an answer, too',
      { method: 'tools/call', id: 1, result: {}, params: { name: 'a' } },
      { type: 'agent_tool', tool: 'a', arguments: {} },
    ],
    ['a call of no name', { method: 'tools/call', params: { name: 1 } }, undefined],
    ['a call without params', { method: 'tools/call' }, undefined],
    ['params that are a list', { method: 'ping', params: [] }, undefined],
    ['a method that is a list', { method: ['tools/call'], id: 1, result: {} }, undefined],
    ['a method that is not known', { method: 'toString' }, undefined],
    ['reading a resource', { method: 'resources/read', params: { uri: 'x' } }, undefined],
    ['a list', [{ method: 'ping' }], undefined],
    ['null', null, undefined],
  ])('%s is judged as what it does', (_, message, expected) => expect(operationOf(message, undefined)).toEqual(expected))

  test('that its author explains is judged as he says, and a call of a tool never is', () => {
    const others = () => presence as { type: 'presence' }
    expect(operationOf({ method: 'resources/read' }, others)).toEqual(presence)
    expect(operationOf({ method: 'tools/call', params: { name: 'a' } }, others)).toMatchObject({ type: 'agent_tool' })
  })
})

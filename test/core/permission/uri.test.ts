import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normaliseUri } from '#core/permission/uri.ts'
import { normaliseTemplate, templateMatches, templateWithin } from '#core/permission/uri-template.ts'

describe('normaliseUri', () => {
  test.each([
    ['HTTPS://API.Example:443/v1', 'https://api.example/v1'],
    ['http://a.example:80', 'http://a.example'],
    ['http://a.example:443/', 'http://a.example:443/'],
    ['https://a.example:08443/', 'https://a.example:8443/'],
    ['https://a.example:/', 'https://a.example/'],
    ['https://a.example/a/./b/../c', 'https://a.example/a/c'],
    ['https://a.example/a/..', 'https://a.example/'],
    ['https://a.example/../../x', 'https://a.example/x'],
    ['https://a.example/%2e%2E/x/.', 'https://a.example/x/'],
    ['https://a.example/%7eb/%c3%a9', 'https://a.example/~b/%C3%A9'],
    ['https://[0:0::1]:443/x', 'https://[::1]/x'],
    ['postgres://db.example:5432/orders', 'postgres://db.example:5432/orders'],
  ])('writes %s as %s', (text, normal) => expect(normaliseUri(text)).toStrictEqual({ ok: true, value: normal }))

  test.each([
    '',
    'a',
    '/v1',
    '//a.example/',
    'urn:x:y',
    'https:///x',
    'https:a.example',
    'https://',
    'https://:443/',
    'https://u@a.example/',
    'https://u:p@a.example/',
    'https://a.example@b.example/',
    'https://a.example/?',
    'https://a.example/?x=1',
    'https://a.example/#',
    'https://a.example#f',
    'https://a.example?x',
    'https://a.example/a//b',
    'https://a.example/a%2Fb',
    'https://a.example/a%5cb',
    'https://a.example/%00',
    'https://a.example/%zz',
    'https://a.example/%',
    'https://a.example/a\\b',
    'https://a.example\\b',
    'https://a.example/a b',
    'https://a.example/\n',
    'https://a.example/é',
    'https://ä.example/',
    'https://a.example.\u212A/',
    'https://a..example/',
    'https://a.example./',
    'https://a%2eexample/',
    'https://a.example:0/',
    'https://a.example:65536/',
    'https://a.example:x/',
    'https://[::1/',
    'https://[::g]/',
    'https://::1/',
    'https://a.example/{x}',
    'https://*.example/"',
  ])('refuses %j', text => expect(normaliseUri(text).ok).toBe(false))

  test('what it accepts, the WHATWG parser reads in the same way', () => {
    const piece = fc.constantFrom('a', '..', '.', '%2e', '%7E', 'b;c', '%C3', '@', ':')
    const port = fc.constantFrom('', ':443', ':8443', ':80')
    fc.assert(
      fc.property(
        fc.constantFrom('https', 'HTTP'),
        fc.constantFrom('A.example', 'b-1.example'),
        port,
        fc.array(piece),
        (scheme, host, p, path) => {
          const text = `${scheme}://${host}${p}/${path.join('/')}`
          const normal = normaliseUri(text)
          if (!normal.ok) throw new Error(normal.reason)
          const decode = (uri: string) => new URL(uri).href.replaceAll('%7E', '~')
          expect(normal.value).toBe(decode(text))
          expect(normaliseUri(normal.value)).toStrictEqual(normal)
        },
      ),
    )
  })
})

describe('normaliseTemplate', () => {
  test.each([
    ['/', '/'],
    ['/flights/{id}', '/flights/{id}'],
    ['/a/{x}/b/{y}/', '/a/{x}/b/{y}/'],
    ['/%7eb/%c3', '/~b/%C3'],
  ])('writes %s as %s', (text, normal) => expect(normaliseTemplate(text)).toStrictEqual({ ok: true, value: normal }))

  test.each([
    '',
    'a',
    'https://a.example/x',
    '/a?x',
    '/a#x',
    '/a{?x}',
    '//',
    '/a//b',
    '/.',
    '/../x',
    '/%2e%2e/x',
    '/a/%2F',
    '/a\\b',
    '/*',
    '/a*',
    '/{x}/{x}',
    '/{}',
    '/{x',
    '/x}',
    '/{+x}',
    '/{x*}',
    '/{x,y}',
    '/{x:3}',
    '/{/x}',
    '/{x}.json',
    '/a{x}',
    '/{é}',
    '/é',
    '/a b',
    '/%',
    '/%0a',
  ])('refuses %j', text => expect(normaliseTemplate(text).ok).toBe(false))
})

describe('templates', () => {
  test.each([
    ['/orders/42', '/orders/{id}', true],
    ['/orders/{a}', '/orders/{b}', true],
    ['/orders/{id}', '/orders/42', false],
    ['/orders/', '/orders/{id}', false],
    ['/orders', '/orders/{id}', false],
    ['/orders/4/2', '/orders/{id}', false],
    ['/orders/42/', '/orders/{id}', false],
    ['/', '/{x}', false],
    ['/a/{x}', '/{x}/{y}', true],
    ['/{x}/{y}', '/a/{x}', false],
  ])('%s within %s: %s', (a, b, expected) => expect(templateWithin(a, b)).toBe(expected))

  test.each([
    ['/orders/{id}', '/orders/42', true],
    ['/orders/{id}', '/orders/a%20b', true],
    ['/~b', '/%7eb', true],
    ['/orders/{id}', '/orders/', false],
    ['/orders/{id}', '/orders/42/', false],
    ['/orders/{id}', '/Orders/42', false],
    ['/orders/{id}', '/orders/42?x=1', false],
    ['/orders/{id}', '/orders/..', false],
    ['/orders/{id}', '/orders/%2e%2E', false],
    ['/orders/{id}', '/orders/4%2F2', false],
    ['/orders/{id}', '/orders/4%5c2', false],
    ['/orders/{id}', '/orders/4\\2', false],
    ['/orders/{id}', '/orders/%00', false],
    ['/orders/{id}', '//orders/42', false],
    ['/orders/{id}', 'orders/42', false],
    ['/orders/{id}', '/orders/é', false],
    ['/', '/', true],
    ['/', '', false],
  ])('%s allows the path %s: %s', (template, path, expected) => expect(templateMatches(template, path)).toBe(expected))
})

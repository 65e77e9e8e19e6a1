import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BodyJudge, isBodyOf, saltRoomBytes } from '#core/audit/export/is-body-of.ts'
import { sampleEntries } from './sample-export.ts'

const entries = sampleEntries(6).filter(({ body }) => body !== undefined) as { leaf: Buffer; body: string }[]
const [{ leaf, body }] = entries as [{ leaf: Buffer; body: string }]

describe('a body', () => {
  test('is of the leaf that commits to it, and of no other', () => {
    for (const [at, each] of entries.entries())
      for (const [other, { body: text }] of entries.entries()) expect(isBodyOf(each.leaf, text)).toBe(at === other)
  })

  test('is not the one any more when a byte of it, of the salt or of the hash is another', () => {
    const text = leaf.toString()
    const salt = text.indexOf('"salt":"') + 8
    const hash = text.indexOf('"body_hash":"') + 13
    const places = fc.oneof(fc.integer({ min: salt, max: salt + 21 }), fc.integer({ min: hash, max: hash + 42 }))
    fc.assert(
      fc.property(places, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const edited = Buffer.from(leaf)
        edited[at]! ^= change
        expect(isBodyOf(edited, body)).toBe(false)
      }),
    )
    fc.assert(
      fc.property(fc.nat(body.length - 1), at => {
        expect(isBodyOf(leaf, `${body.slice(0, at)}${body[at] === 'x' ? 'y' : 'x'}${body.slice(at + 1)}`)).toBe(false)
      }),
    )
    expect(isBodyOf(leaf, body)).toBe(true)
  })

  test.each([
    '',
    '{}',
    '{"body_hash":"',
    '{"body_hash":"abc","salt":"',
    '{"body_hash":"abc","salt":"x"}',
    `{"body_hash":"${'a'.repeat(43)}","salt":"${'s'.repeat(70_000)}"}`,
  ])('is of no leaf that commits to none: %.60s', text => {
    expect(isBodyOf(Buffer.from(text), body)).toBe(false)
  })

  test('is judged within its own leaf, whatever stands behind it', () => {
    const judge = new BodyJudge()
    const bytes = Buffer.concat([Buffer.alloc(saltRoomBytes), Buffer.from(body)])
    const bundle = Buffer.concat([Buffer.from('{"v":1}'), leaf, Buffer.from('{"longer":"than it"}'), leaf])
    const at = (start: number, end: number) => judge.isBodyOf(bundle, start, end, { bytes, end: bytes.length })
    expect(at(0, 7)).toBe(false)
    expect(at(7, 7 + leaf.length)).toBe(true)
    expect(at(7 + leaf.length, bundle.length - leaf.length)).toBe(false)
    expect(at(bundle.length - leaf.length, bundle.length)).toBe(true)
  })
})

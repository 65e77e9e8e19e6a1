import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noticeSetId, parseSetId, revocationSetId } from '#core/ssf/set-id.ts'

const [stream, shard, notice] = [randomUUID(), randomUUID(), randomUUID()]

describe('the jti of a SET', () => {
  test('finds its event again, in its own stream alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999_999_999_999 }), epoch => {
        const jti = revocationSetId(stream, shard, epoch)
        expect(parseSetId(stream, jti)).toEqual({ of: 'revocation', shard, epoch })
        expect(parseSetId(randomUUID(), jti)).toBeUndefined()
      }),
    )
    expect(parseSetId(stream, noticeSetId(stream, notice))).toEqual({ of: 'notice', id: notice })
    expect(parseSetId(randomUUID(), noticeSetId(stream, notice))).toBeUndefined()
  })

  test('that nobody made names nothing', () => {
    const good = revocationSetId(stream, shard, 7)
    const bad = [
      '',
      'x',
      `${good} `,
      `${good}\n`,
      good.replace(/7$/, '07'),
      good.replace(/7$/, '-7'),
      good.replace(/7$/, '0'),
      good.toUpperCase(),
    ]
    for (const jti of bad) expect(parseSetId(stream, jti), jti).toBeUndefined()
    // A row of one kind under the name of the other.
    expect(parseSetId(stream, noticeSetId(stream, notice).replace('.n.', `.${shard.replaceAll('-', '')}.`))).toBeUndefined()
    expect(parseSetId(stream, good.replace(/\.[0-9a-f]{32}\.7$/, '.n.7'))).toBeUndefined()
    fc.assert(fc.property(fc.string(), text => parseSetId(stream, text) === undefined))
  })
})

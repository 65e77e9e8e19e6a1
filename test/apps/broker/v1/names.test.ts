import { Compile } from 'typebox/compile'
import { describe, expect, test } from 'vitest'
import { Name, Text } from '#apps/broker/routes/v1/schemas.ts'

const [name, text] = [Compile(Name), Compile(Text('what it is for'))]

describe('a name', () => {
  test.each([
    ['tags', 'orders\u{e0061}\u{e0062}\u{e007f}'],
    ['variation selectors', 'orders\u{fe0f}\u{e0101}'],
    ['zero width', 'or\u200bders'],
    ['direction', 'or\u202eders'],
    ['fillers', 'or\u3164ders\uffa0\u115f'],
    ['a joiner that shows nothing', 'or\u034fders'],
    ['Mongolian separators', 'or\u180eders'],
    ['annotations', 'or\ufff9ders\ufffb'],
    ['music that is not seen', 'or\u{1d173}ders'],
    ['lines', 'or\u2028ders\n'],
    ['half a pair', 'orders\ud83d'],
  ])('is refused with %s in it', (_, value) => {
    expect([name.Check(value), text.Check(value)]).toEqual([false, false])
  })

  test.each(['orders API', 'Zahlungen für Käufer', '受注', 'طلبات', 'заказы №5', 'orders 📦', 'a'])('may be %s', value => {
    expect([name.Check(value), text.Check(value)]).toEqual([true, true])
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GenerationCache } from '#core/memory/generation-cache.ts'

test('holds what was set, forgets what was deleted, and never holds more than its bound', () => {
  const step = fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.integer({ min: 0, max: 30 }))
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
      const cache = new GenerationCache<number, string>(max)
      const model = new Map<number, string>()
      for (const [i, [what, key]] of steps.entries()) {
        if (what === 'set') {
          cache.set(key, `${key}:${i}`)
          model.set(key, `${key}:${i}`)
        } else if (what === 'delete') {
          cache.delete(key)
          model.delete(key)
        } else {
          const found = cache.get(key)
          // It may have been forgotten, but is never wrong.
          if (found !== undefined) expect(found).toBe(model.get(key))
        }
        expect(cache.size).toBeLessThanOrEqual(max)
      }
    }),
  )
})

test('keeps what is asked for again and again, however much else comes by', () => {
  const cache = new GenerationCache<string, string>(10)
  cache.set('hot', 'value')
  for (let i = 0; i < 1_000; i++) {
    cache.set(`cold ${i}`, 'x')
    expect(cache.get('hot')).toBe('value')
  }
})

import { createDecipheriv, createHash, randomBytes } from 'node:crypto'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AuditEvent, hashLeaf, prepareEvent } from '#core/audit/event.ts'
import { sampleFacts } from '#test/setup/sample-events.ts'

const subjectKey = { id: '01900000-0000-7000-8000-000000000001', key: randomBytes(32) }
const nowMs = 1_795_305_600_123.7

const secrets = { issuer: 'https://ci.example', subject: 'repo:org/app', address: '192.0.2.7', task_id: 'job-1' }
const full: AuditEvent<'token.issued'> = {
  type: 'token.issued',
  tenantId: '01900000-0000-7000-8000-00000000000a',
  agentId: '01900000-0000-7000-8000-00000000000b',
  accountId: '01900000-0000-7000-8000-00000000000c',
  tokenId: 'at_01900000000070008000000000000000',
  claimsHash: 'c'.repeat(43),
  facts: sampleFacts('token.issued', { expires: 1_795_305_900 }),
  private: { subjectKey, facts: secrets },
}

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('base64url')

function decrypt(sealed: string, key: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString()
}

/** Facts as strangers could make them, line breaks and all. */
const anyFacts = fc.dictionary(
  fc.stringMatching(/^[a-z_]{1,12}$/),
  fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constant('\n\r\u2028')),
)

describe('the leaf', () => {
  test('is RFC 8785 canonical JSON and one line, whatever the event holds', () => {
    fc.assert(
      fc.property(anyFacts, anyFacts, fc.boolean(), (facts, hidden, withPrivate) => {
        // What no type allows: nothing that gets through may break a line.
        const event = {
          ...full,
          facts,
          private: withPrivate ? { subjectKey, facts: hidden } : undefined,
        } as unknown as AuditEvent
        const { leaf, body } = prepareEvent(event, nowMs)
        expect(leaf).toBe(canonicalize(JSON.parse(leaf)))
        expect(leaf).toMatch(/^[\x20-\x7e]+$/)
        expect(body).not.toMatch(/[\n\r\0]/)
      }),
    )
  })

  test.each<[string, AuditEvent]>([
    ['with every member', full],
    ['of no tenant', { type: 'tenant.created', tenantId: null, facts: sampleFacts('tenant.created') }],
  ])('is canonical %s', (_, event) => {
    const { leaf } = prepareEvent(event, nowMs)
    expect(leaf).toBe(canonicalize(JSON.parse(leaf)))
  })

  test('names the event by random ids, its time in whole milliseconds, and nothing else in clear', () => {
    const leaf = JSON.parse(prepareEvent(full, nowMs).leaf) as Record<string, unknown>
    expect(leaf).toEqual({
      account: full.accountId,
      agent: full.agentId,
      body_hash: expect.stringMatching(/^[\w-]{43}$/),
      claims_hash: full.claimsHash,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      private_hash: expect.stringMatching(/^[\w-]{43}$/),
      salt: expect.stringMatching(/^[\w-]{22}$/),
      tenant: full.tenantId,
      time: 1_795_305_600_123,
      token: full.tokenId,
      type: 'token.issued',
      v: 1,
    })
  })

  test('is hashed as RFC 6962 leaf: SHA-256 over a zero byte and its bytes', () => {
    const { leaf, leafHash } = prepareEvent(full, nowMs)
    expect(leafHash).toBe(sha256(Buffer.concat([Buffer.from([0]), Buffer.from(leaf)])))
    expect(leafHash).toBe(hashLeaf(leaf))
    // RFC 6962 § 2.1.3 in its test vectors: the hash of an empty leaf.
    expect(Buffer.from(hashLeaf(''), 'base64url').toString('hex')).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
  })

  test('commits to the body under a salt of its own, so that equal events cannot be recognised', () => {
    const one = prepareEvent({ ...full, private: undefined }, nowMs)
    const two = prepareEvent({ ...full, private: undefined }, nowMs)
    expect(one.body).toBe(two.body)
    const [a, b] = [one, two].map(({ leaf }) => JSON.parse(leaf) as { salt: string; body_hash: string; id: string })
    expect(a!.body_hash).toBe(sha256(a!.salt + one.body))
    expect(a!.body_hash).not.toBe(b!.body_hash)
    expect(a!.id).not.toBe(b!.id)
  })
})

describe('what is private', () => {
  test('never appears in clear, in the leaf or in the body', () => {
    const { leaf, body } = prepareEvent(full, nowMs)
    for (const value of Object.values(secrets))
      for (const spelled of [value, Buffer.from(value).toString('base64url'), encodeURIComponent(value), sha256(value)])
        expect(`${leaf}${body}`).not.toContain(spelled)
    expect(Object.keys(JSON.parse(body) as object).sort()).toEqual([...Object.keys(full.facts), 'private', 'subject_key'].sort())
  })

  test('is read back with the subject’s key, and is what the leaf committed to', () => {
    const { leaf, body } = prepareEvent(full, nowMs)
    const { private: sealed, subject_key: keyId } = JSON.parse(body) as { private: string; subject_key: string }
    const plain = decrypt(sealed, subjectKey.key)
    expect(keyId).toBe(subjectKey.id)
    expect((JSON.parse(plain) as { facts: unknown }).facts).toEqual(secrets)
    expect((JSON.parse(leaf) as { private_hash: string }).private_hash).toBe(sha256(plain))
    expect(() => decrypt(sealed, randomBytes(32))).toThrow()
  })

  test('looks different each time, in the body and in the commitment', () => {
    const [a, b] = [prepareEvent(full, nowMs), prepareEvent(full, nowMs)].map(({ leaf, body }) => ({
      sealed: (JSON.parse(body) as { private: string }).private,
      commitment: (JSON.parse(leaf) as { private_hash: string }).private_hash,
    }))
    expect(a!.sealed).not.toBe(b!.sealed)
    expect(a!.commitment).not.toBe(b!.commitment)
  })

  test('cannot be hidden in or replaced by facts of the same name', () => {
    const { body } = prepareEvent(
      { ...full, facts: { private: 'forged', subject_key: 'forged' } } as unknown as AuditEvent,
      nowMs,
    )
    expect(body).not.toContain('forged')
  })
})

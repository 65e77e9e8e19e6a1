import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { LocalKeyEncryption } from '#core/keys/key-encryption.ts'
import { SubjectKeys } from '#core/keys/subject-keys.ts'
import type { SubjectKeyRow } from '#db/accounts/read-accounts.ts'

const encryption = new LocalKeyEncryption(randomBytes(32))

/** What a broker holds, over rows as the database would give them. */
function hold(rows: SubjectKeyRow[] = []) {
  const asked: string[][] = []
  const keys = new SubjectKeys(encryption, async names => {
    asked.push(names.map(({ tenantId, subject }) => `${tenantId}:${subject}`))
    return rows.filter(row => names.some(({ tenantId, subject }) => row.tenantId === tenantId && row.subject === subject))
  })
  return { keys, asked, rows }
}

/** The row that the first event under a new key stores. */
function toRow(row: { id: string; tenant: string; subject: string; sealed: string; kek: string }): SubjectKeyRow {
  return { id: row.id, tenantId: row.tenant, subject: row.subject, sealed: Buffer.from(row.sealed, 'hex'), kekId: row.kek }
}

describe('a subject’s key', () => {
  test('is made once for all who ask at the same time, and held', async () => {
    const { keys, asked } = hold()
    const [a, b] = await Promise.all([keys.get('t', 's1'), keys.get('t', 's1')])
    expect(a).toBe(b)
    expect(keys.recall('t', 's1')).toBe(a)
    expect(await keys.get('t', 's1')).toBe(a)
    expect(asked).toEqual([['t:s1']])
    expect(a.stored).toBe(false)
  })

  test('is of 256 bits, sealed to its own row, and opened again by another broker', async () => {
    const made = await hold().keys.get('t', 's1')
    expect(made.key).toHaveLength(32)
    expect(made.row?.sealed).not.toContain(made.key.toString('hex'))
    const opened = await hold([toRow(made.row!)]).keys.get('t', 's1')
    expect(opened).toMatchObject({ id: made.id, key: made.key, stored: true, row: undefined })
  })

  test('of another tenant is another, for the same foreign subject', async () => {
    const made = await hold().keys.get('t', 's1')
    const other = await hold([toRow(made.row!)]).keys.get('u', 's1')
    expect(other.id).not.toBe(made.id)
    expect(other.key.equals(made.key)).toBe(false)
  })

  test('whose row was moved to another tenant does not open', async () => {
    const made = await hold().keys.get('t', 's1')
    await expect(hold([{ ...toRow(made.row!), tenantId: 'u' }]).keys.get('u', 's1')).rejects.toMatchObject({ code: 'internal' })
  })

  test('that another broker stored first takes the place of ours after `forget`', async () => {
    const { keys, rows } = hold()
    const ours = await keys.get('t', 's1')
    const theirs = await hold().keys.get('t', 's1')
    rows.push(toRow(theirs.row!))
    keys.forget('t', 's1')
    expect((await keys.get('t', 's1')).id).toBe(theirs.id)
    expect(theirs.id).not.toBe(ours.id)
  })

  test('that cannot be read is an answer to come back later, not a new key', async () => {
    const keys = new SubjectKeys(encryption, async () => Promise.reject(new Error('connection lost')))
    await expect(keys.get('t', 's1')).rejects.toMatchObject({ code: 'log_unavailable' })
    expect(keys.recall('t', 's1')).toBeUndefined()
  })
})

import { expect, inject, test } from 'vitest'
import { findDrift } from '#db/check-drift.ts'
import { testPasswords } from '#test/setup/database.ts'

test('schema.ts and schema.sql are what the migrations make', async () => {
  expect(await findDrift(inject('adminUrl'), testPasswords)).toEqual([])
})

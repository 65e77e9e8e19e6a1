// Flags that several operations have.

import type { BodyFlag } from './operation.ts'

export const name: BodyFlag = { type: 'string', member: 'name', value: 'NAME', required: true, summary: 'what it is called' }
export const tenant: BodyFlag = {
  type: 'string',
  member: 'tenant',
  value: 'ID',
  summary: 'whose, where you see more than one tenant',
}
export const expiresIn = (what: string): BodyFlag => ({
  type: 'string',
  member: 'expires_in_seconds',
  as: 'duration',
  value: 'TIME',
  summary: `how long ${what} works: 12h, 30d`,
})

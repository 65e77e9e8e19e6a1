// A connector as it is registered, and how its own credentials are kept: sealed, opened only to make a connection.

import { refuseProblems, type ValidationProblem } from '#core/errors/validation-error.ts'
import type { KeyEncryption } from '#core/keys/key-encryption.ts'
import type { SealedConnector } from '#db/connector/connectors.ts'
import type { ConnectorKind } from './connector.ts'
import { kindRules } from './kinds/table.ts'

/** What becomes of the data when an account ends. */
export interface DataFate {
  /** Seconds for which it is kept, without anybody having access; 0: it is destroyed at once. */
  readonly keep_seconds: number
}

export interface ConnectorConfig {
  /** Who has this scope in the account's ceiling may attach it. */
  readonly scope: string
  readonly data: DataFate
  /** Of its kind, with defaults. */
  readonly settings: Readonly<Record<string, unknown>>
}

export interface ConnectorInput {
  readonly name: string
  readonly kind: ConnectorKind
  readonly scope: string
  readonly data?: Partial<DataFate>
  readonly config: Readonly<Record<string, unknown>>
  /** Left out of a change: as before. */
  readonly admin?: Readonly<Record<string, string>>
}

export const configOf = (row: { readonly config: unknown }): ConnectorConfig => row.config as ConnectorConfig

/** Throws ValidationError. `admin` is looked at by whoever knows whether there was one before. */
export function validateConnector(input: ConnectorInput): ConnectorConfig {
  const rules = kindRules[input.kind]
  const settings = { ...rules.defaults, ...input.config }
  refuseProblems([...rules.findFaults(settings), ...findAdminFaults(input)])
  return { scope: input.scope, data: { keep_seconds: input.data?.keep_seconds ?? 0 }, settings }
}

function findAdminFaults({ kind, admin }: ConnectorInput): ValidationProblem[] {
  const wanted = kindRules[kind].admin
  const given = Object.keys(admin ?? {})
  const unknown = given.filter(name => !wanted.includes(name))
  const missing = admin === undefined ? [] : wanted.filter(name => !given.includes(name))
  return [
    ...unknown.map(name => ({ pointer: `/admin/${name}`, detail: `A connector of kind ${kind} has no such credential.` })),
    ...missing.map(name => ({ pointer: `/admin/${name}`, detail: `A connector of kind ${kind} needs this credential.` })),
  ]
}

/** Whether the two stand for the same place: what was made at one cannot be taken down at another. */
export function isSamePlace(kind: ConnectorKind, a: ConnectorConfig, b: ConnectorConfig): boolean {
  return kindRules[kind].place.every(name => a.settings[name] === b.settings[name])
}

const contextOf = (row: Pick<SealedConnector, 'id' | 'tenant_id'>) =>
  ({ tenantId: row.tenant_id, purpose: 'connector', rowId: row.id }) as const

export async function sealAdmin(
  keyEncryption: KeyEncryption,
  row: Pick<SealedConnector, 'id' | 'tenant_id'>,
  admin: Readonly<Record<string, string>>,
): Promise<Pick<SealedConnector, 'admin_sealed' | 'kek_id'>> {
  const plain = Buffer.from(JSON.stringify(admin))
  const sealed = await keyEncryption.seal(plain, contextOf(row))
  plain.fill(0)
  return { admin_sealed: sealed, kek_id: keyEncryption.keyId }
}

export async function openAdmin(keyEncryption: KeyEncryption, row: SealedConnector): Promise<Readonly<Record<string, string>>> {
  const plain = await keyEncryption.open(row.admin_sealed, row.kek_id, contextOf(row))
  const admin = JSON.parse(plain.toString()) as Record<string, string>
  plain.fill(0)
  return admin
}

// POST /v1/accounts: an account opened for an agent before it comes. The answer is what RFC 7591 § 3.2.1 calls a client information
// response, so that registering clients can read it, and the credential that makes its bearer the account's holder.

import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { accountCredentialTokenType } from '#core/account/account-credential.ts'
import { type OpenedAhead, openAhead } from '#core/account/open-ahead.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { grantTypes } from '#core/exchange/exchange-request.ts'
import { formatId } from '#core/ids/id.ts'
import type { Permission } from '#core/permission/permission.ts'
import { addressCeiling } from '#core/registry/agents.ts'
import { type BoundKey, readBoundKey } from '#core/subject/bound-key.ts'
import { keepCeiling } from '#db/registry/ceilings.ts'
import { principalOf, tenantOf } from '../../http/access.ts'
import { reserveKey } from '../../http/idempotency.ts'
import { accountTags } from './account-reads.ts'
import { permissionMembers, writePermission } from './account-view.ts'
import { uuidOf } from './collection.ts'
import type { V1App, V1Deps } from './deps.ts'
import { closed, Id, IdempotencyHeader, problems, Time } from './schemas.ts'

const Thumbprint = Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'base64url of SHA-256.' }))

const Body = Type.Object(
  {
    agent: Id('agent', 'Whose account it is.'),
    task_id: Type.Optional(
      Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$', description: 'What it is for; each task of an agent has one account.' }),
    ),
    permissions: Type.Optional(
      Type.Object(permissionMembers, {
        ...closed,
        description: "What it may ever be granted; within the agent's ceiling, which is what it gets where nothing is said.",
      }),
    ),
    ttl: Type.Optional(Type.Integer({ minimum: 1, maximum: 90 * 86_400, description: 'Seconds; at most as the agent says.' })),
    key: Type.Optional(
      Type.Object(
        { 'x5t#S256': Thumbprint, jkt: Thumbprint },
        {
          ...closed,
          minProperties: 1,
          maxProperties: 1,
          description: "Its holder's certificate (RFC 8705) or key (RFC 7638); else the first key that uses the credential.",
        },
      ),
    ),
  },
  {
    ...closed,
    examples: [
      {
        agent: 'agt_0198c0ffee00700080000000000000aa',
        task_id: 'invoice-7',
        permissions: { scope: 'orders:read' },
        ttl: 1800,
      },
    ],
  },
)

const Opened = Type.Object(
  {
    client_id: Id('agent'),
    client_id_issued_at: Type.Integer({ description: 'Seconds since the epoch.' }),
    client_secret_expires_at: Type.Integer({ description: 'When the account ends. Seconds since the epoch.' }),
    token_endpoint_auth_method: Type.Literal('none'),
    grant_types: Type.Array(Type.String()),
    ...permissionMembers,
    account_id: Id('account'),
    task_id: Type.String(),
    expires_at: Time,
    account_credential: Type.String({ description: 'mfa_…: the subject token of the holder, with its own key beside it.' }),
    account_credential_type: Type.Literal(accountCredentialTokenType),
    token_endpoint: Type.String(),
    claim_uri: Type.Optional(Type.String({ description: 'For the person who may take the account over. Holds a secret.' })),
  },
  closed,
)

export function openAccountRoute(app: V1App, deps: V1Deps): void {
  app.post(
    '/v1/accounts',
    {
      schema: {
        ...accountTags,
        summary: 'Open an account ahead, for an agent to use',
        headers: IdempotencyHeader,
        body: Body,
        response: { 201: Opened, ...problems },
      },
    },
    async (request, reply) => {
      const { body } = request
      const [actor, tenantId] = [principalOf(request), tenantOf(request)]
      const key = readKey(body.key)
      const agentId = uuidOf('agent', body.agent)
      const { accounts } = deps
      const snapshot = await accounts.snapshotOf(tenantId)
      const address = deps.addressOf(request.raw)
      const name = await accounts
        .dbOf(tenantId)
        .transaction()
        .execute(trx => reserveKey(trx, request, actor.credentialId))
      await accounts.charge(snapshot, agentId, address)
      const opened = await openAhead(
        { ...accounts.opening, keepCeiling: permission => keep(deps, tenantId, permission) },
        {
          ...{ snapshot, actor, agentId, key, address, taskId: body.task_id, ttlSeconds: body.ttl },
          permission: body.permissions,
          openingKey: name && createHash('sha256').update(`ahead ${name}`).digest('hex'),
        },
      )
      reply.header('location', `/v1/accounts/${formatId('account', opened.account.id)}`).header('cache-control', 'no-store')
      return reply.code(201).send(answerOf(opened))
    },
  )
}

function readKey(named: { readonly 'x5t#S256'?: string; readonly jkt?: string } | undefined): BoundKey | undefined {
  if (named === undefined) return undefined
  const key = readBoundKey(named)
  if (!key) throw new BrokerError('malformed_request', { hint: 'key must name one key.' })
  return key
}

async function keep({ accounts }: V1Deps, tenantId: string, permission: Permission): Promise<string> {
  const { hash, text } = addressCeiling(permission)
  return String(
    await accounts
      .dbOf(tenantId)
      .transaction()
      .execute(trx => keepCeiling(trx, hash, text)),
  )
}

function answerOf({ account, agent, permission, issuer, credential, claimSecret }: OpenedAhead) {
  return {
    client_id: agent.clientId,
    client_id_issued_at: Math.floor(Number.parseInt(account.id.slice(0, 8) + account.id.slice(9, 13), 16) / 1000),
    client_secret_expires_at: Math.floor(account.deadlineSeconds),
    token_endpoint_auth_method: 'none' as const,
    grant_types: [grantTypes.tokenExchange],
    ...writePermission(permission),
    account_id: formatId('account', account.id),
    task_id: account.taskId,
    expires_at: new Date(account.deadlineSeconds * 1000).toISOString(),
    account_credential: credential,
    account_credential_type: accountCredentialTokenType as typeof accountCredentialTokenType,
    token_endpoint: `${issuer}/token`,
    // The secret stands in the URL's fragment, which browsers do not send: opening the link changes nothing.
    ...(claimSecret !== undefined && { claim_uri: `${issuer}/claim#${claimSecret}` }),
  }
}

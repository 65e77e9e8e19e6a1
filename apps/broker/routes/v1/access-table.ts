import { operatorRoles } from '#core/operators/principal.ts'
import type { AccessTable } from '../../http/access.ts'

const reads = ['tenant-admin', 'auditor'] as const
const writes = ['tenant-admin'] as const
const everyOperator = ['platform-admin', 'tenant-admin', 'auditor'] as const
const opens = ['tenant-admin', 'orchestrator'] as const
const seesAccounts = ['tenant-admin', 'orchestrator', 'auditor'] as const
const admins = ['platform-admin', 'tenant-admin'] as const

/** DESIGN § 10: a platform-admin makes tenants and hands out their tokens; what a tenant trusts, its own admins decide. */
export const v1Access: AccessTable = {
  'POST /v1/bootstrap': 'bootstrap',

  'POST /v1/tenants': ['platform-admin'],
  'GET /v1/tenants': everyOperator,
  'GET /v1/tenants/:id': everyOperator,

  'GET /v1/tenants/:id/limits': everyOperator,
  'PUT /v1/tenants/:id/limits': admins,
  'GET /v1/tenants/:id/anonymous': everyOperator,
  'PUT /v1/tenants/:id/anonymous': ['platform-admin'],
  'DELETE /v1/tenants/:id/anonymous': admins,
  'GET /v1/usage': everyOperator,

  'GET /v1/tenants/:id/two-person': ['tenant-admin', 'approver', 'auditor'],
  'PUT /v1/tenants/:id/two-person': writes,

  'GET /v1/sign-in': 'anyone',
  'POST /v1/sessions': 'anyone',
  'DELETE /v1/sessions/current': operatorRoles,
  'GET /v1/whoami': operatorRoles,

  'POST /v1/sign-in-providers': admins,
  'GET /v1/sign-in-providers': everyOperator,
  'GET /v1/sign-in-providers/:id': everyOperator,
  'PUT /v1/sign-in-providers/:id': admins,
  'DELETE /v1/sign-in-providers/:id': admins,
  'PUT /v1/sign-in-providers/:id/client-secret': writes,
  'DELETE /v1/sign-in-providers/:id/client-secret': writes,

  'GET /v1/people': everyOperator,
  'POST /v1/people/:id/sign-out': admins,

  'GET /v1/changes': ['tenant-admin', 'approver', 'auditor'],
  'GET /v1/changes/:id': ['platform-admin', 'tenant-admin', 'approver', 'auditor'],
  'POST /v1/changes/:id/approve': ['tenant-admin', 'approver'],
  'POST /v1/changes/:id/reject': ['platform-admin', 'tenant-admin', 'approver'],
  'POST /v1/changes/:id/collect': admins,
  'POST /v1/changes/:id/break-glass': writes,

  'POST /v1/trust-sources': writes,
  'GET /v1/trust-sources': reads,
  'GET /v1/trust-sources/:id': reads,
  'PUT /v1/trust-sources/:id': writes,
  'DELETE /v1/trust-sources/:id': writes,
  'POST /v1/trust-sources/:id/suspend': writes,
  'POST /v1/trust-sources/:id/reinstate': writes,

  'POST /v1/agents': writes,
  'GET /v1/agents': reads,
  'GET /v1/agents/:id': reads,
  'PUT /v1/agents/:id': writes,
  'DELETE /v1/agents/:id': writes,
  'POST /v1/agents/:id/suspend': writes,
  'POST /v1/agents/:id/reinstate': writes,

  'POST /v1/agents/:id/join-tokens': writes,
  'GET /v1/agents/:id/join-tokens': reads,
  'DELETE /v1/agents/:id/join-tokens/:join_token_id': writes,

  'POST /v1/resources': writes,
  'GET /v1/resources': reads,
  'GET /v1/resources/:id': reads,
  'PUT /v1/resources/:id': writes,
  'DELETE /v1/resources/:id': writes,

  'POST /v1/resources/:id/credentials': writes,
  'GET /v1/resources/:id/credentials': reads,
  'DELETE /v1/resources/:id/credentials/:credential_id': writes,

  'POST /v1/accounts': opens,
  'GET /v1/accounts': seesAccounts,
  'GET /v1/accounts/:id': seesAccounts,
  'GET /v1/accounts/:id/tree': seesAccounts,
  'POST /v1/accounts/:id/extend': opens,
  'POST /v1/accounts/:id/complete': opens,
  'POST /v1/accounts/:id/revoke': opens,
  'POST /v1/accounts/:id/close': writes,
  'POST /v1/accounts/:id/reinstate': writes,

  'GET /v1/restore': everyOperator,

  'POST /v1/accounts/:id/attachments': opens,
  'GET /v1/accounts/:id/attachments': seesAccounts,
  'DELETE /v1/accounts/:id/attachments/:attachment_id': opens,
  'POST /v1/accounts/:id/attachments/:attachment_id/retry': writes,
  'GET /v1/attachments/parked': reads,

  'POST /v1/connectors': writes,
  'GET /v1/connectors': reads,
  'GET /v1/connectors/:id': reads,
  'PUT /v1/connectors/:id': writes,
  'DELETE /v1/connectors/:id': writes,

  'POST /v1/webhooks': writes,
  'GET /v1/webhooks': reads,
  'GET /v1/webhooks/:id': reads,
  'PUT /v1/webhooks/:id': writes,
  'DELETE /v1/webhooks/:id': writes,
  'GET /v1/webhooks/:id/messages': reads,
  'POST /v1/webhooks/:id/messages/:message_id/redeliver': writes,

  'GET /v1/webhooks/:id/audit': reads,
  'POST /v1/webhooks/:id/audit/retry': writes,
  'POST /v1/webhooks/:id/audit/skip': writes,

  'GET /v1/audit': everyOperator,
  'GET /v1/audit/:id': everyOperator,
  'GET /v1/audit/stream': everyOperator,
  'GET /v1/audit/entries': everyOperator,
  'GET /v1/accounts/:id/trail': everyOperator,

  'GET /v1/log/status': everyOperator,
  'GET /v1/audit/:entry/proof': everyOperator,
  'GET /v1/audit/consistency': everyOperator,

  'POST /v1/receivers': writes,
  'GET /v1/receivers': reads,
  'GET /v1/receivers/:id': reads,
  'POST /v1/receivers/:id/token': writes,
  'DELETE /v1/receivers/:id': writes,
  'GET /v1/ssf/streams': reads,
  'GET /v1/ssf/streams/:id': reads,
  'POST /v1/ssf/streams/:id/status': writes,
  'GET /v1/ssf/streams/:id/dead-letters': reads,
  'POST /v1/ssf/streams/:id/dead-letters/:dead_letter_id/redeliver': writes,
  'DELETE /v1/ssf/streams/:id/dead-letters/:dead_letter_id': writes,

  'GET /v1/keys': reads,
  'POST /v1/keys/rotate': writes,
  'GET /v1/keys/rewrap': ['platform-admin'],
  'POST /v1/keys/rewrap': ['platform-admin'],

  'POST /v1/revocations': admins,
  'GET /v1/revocations': everyOperator,
  'GET /v1/revocations/:id': everyOperator,

  'POST /v1/erasures': admins,
  'POST /v1/erasures/preview': admins,
  'GET /v1/erasures': everyOperator,
  'GET /v1/erasures/:id': everyOperator,
  'POST /v1/legal-holds': writes,
  'GET /v1/legal-holds': reads,
  'GET /v1/legal-holds/:id': reads,
  'POST /v1/legal-holds/:id/lift': writes,
  'GET /v1/tenants/:id/retention': everyOperator,
  'PUT /v1/tenants/:id/retention': writes,

  'POST /v1/operators': admins,
  'GET /v1/operators': everyOperator,
  'DELETE /v1/operators/:id': admins,
}

// Generated from the database by `npm run db:generate`. Do not edit.

import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

type Int8 = ColumnType<bigint, bigint | number | string, bigint | number | string>
type Bytes = ColumnType<Buffer, Uint8Array, Uint8Array>
/** Written as a value, not as text: the driver makes the JSON. */
type Json = ColumnType<unknown, unknown, unknown>
type Day = ColumnType<Date, string, string>
type Timestamp = ColumnType<Date, Date | string, Date | string>
/** Read only: what is written as a list is taken for JSON. */
type List<T> = ColumnType<T[], never, never>
type WithDefault<T> = T extends ColumnType<infer S, infer I, infer U> ? ColumnType<S, I | undefined, U> : Generated<T>

export interface LogBody {
  position: Int8
  retention: number
  at: Timestamp
  body: string
}

export interface LogCheckpoint {
  shard: string
  size: Int8
  root: Bytes
  at: WithDefault<Timestamp>
  note: string
}

export interface LogCheckpointDisowned {
  shard: string
  size: Int8
  at: WithDefault<Timestamp>
  by: WithDefault<string>
}

export interface LogEntry {
  position: Int8
  leaf: string
}

export interface LogEvent {
  position: Int8
  at: Timestamp
  account_id: string | null
  token_id: string | null
  tenant_id: string | null
  agent_id: string | null
  task_id: string | null
  parent_id: string | null
  root_id: string | null
  actor_id: string | null
  person_id: string | null
  approver_id: string | null
  about_id: string | null
  retention: number | null
  decision: string | null
  type: string
  reason: string | null
}

export interface LogEventClass {
  type: string
  class: number
}

export interface LogEventCursor {
  id: number
  position: Int8
}

export interface LogEventMention {
  position: Int8
  account_id: string
  tenant_id: string | null
}

export interface LogEventSlot {
  slot: number
  first: Int8
  last: Int8
}

export interface LogEventStretch {
  stretch: number
  first: Int8
  last: Int8
}

export interface LogFork {
  id: string
  at: Timestamp
  from_shard: string
  to_shard: string
  size: Int8
  sealed_size: ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>
  sealed_root: string | null
}

export interface LogForkFinished {
  fork_id: string
  at: Timestamp
}

export interface LogForkUnknown {
  shard: string
  fork_id: string
  size: ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>
  root: string | null
}

export interface LogHead {
  id: number
  shard: string
  size: Int8
}

export interface LogPending {
  id: GeneratedAlways<bigint>
  tenant_id: string | null
  leaf: string
  body: string
}

export interface LogPendingRevocation {
  place: GeneratedAlways<bigint>
  tenant_id: string
  id: string
  kind: string
  subject: string
  least: ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>
  until: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  cause: string
  actor: Json
}

export interface LogReportMention {
  position: Int8
  subject_id: string
  tenant_id: string
  allowed: boolean
  refused: List<string> | null
}

export interface LogRetentionClass {
  code: number
  name: string
  months: number
  least_months: number
}

export interface LogSealer {
  id: number
  shard: string
  size: Int8
  origin: string
  verifier_key: string
  at: Timestamp
  fault: string | null
  witnesses: WithDefault<Json>
}

export interface LogSigner {
  shard: string
  verifier_key: string
  at: Timestamp
  signs: boolean
  handover: string | null
}

export interface LogTransition {
  name: string
  from_state: string
  to_state: string | null
  due: string | null
  raises: boolean
  of_child: string
}

export interface MayflyAccount {
  id: string
  tenant_id: string
  agent_id: string
  task_key: string
  opened_at: Timestamp
  deadline: Timestamp
  ceiling_id: Int8
  generation: WithDefault<number>
  state: WithDefault<string>
  opener: Bytes
  claim_hash: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  root_id: string | null
  address_scope: string | null
  readmitted: WithDefault<boolean>
  opening_key: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  task_id: string
}

export interface MayflyAccountHolder {
  account_id: string
  tenant_id: string
  key_thumbprint: Bytes
}

export interface MayflyAgent {
  id: string
  tenant_id: string
  name: string
  owner: string
  review_on: Day
  rules: Json
  ceiling_id: Int8
  settings: Json
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
  suspended_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  held_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyAnonymousOpening {
  only_one: WithDefault<boolean>
  tenant_id: string
  agent_id: string
}

export interface MayflyAttachment {
  id: string
  tenant_id: string
  account_id: string
  agent_id: string
  connector_id: string
  ordinal: GeneratedAlways<bigint>
  state: string
  generation: number
  rotation: number
  due_at: Timestamp
  attempts: WithDefault<number>
  parked: WithDefault<boolean>
  ended_by: string | null
  failure: string | null
  created_at: WithDefault<Timestamp>
  ended_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  destroyed: Json
  receipt: string | null
  extend_due: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyAuditSink {
  name: string
  position: Int8
  taken_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  failures: WithDefault<number>
  failure: string | null
  lease: string | null
  leased_until: WithDefault<Timestamp>
}

export interface MayflyAuditStream {
  webhook_id: string
  tenant_id: string
  position: Int8
  told: Int8
  upto: ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>
  taken_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  hold_until: WithDefault<Timestamp>
  failures: WithDefault<number>
  failure: string | null
  failure_status: number | null
  parked: WithDefault<boolean>
  lease: string | null
  leased_until: WithDefault<Timestamp>
  tried_at: WithDefault<Timestamp>
}

export interface MayflyCaKey {
  id: string
  tenant_id: string
  kid: string
  alg: string
  certificate_pem: string
  private_sealed: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  kek_id: string | null
  state: WithDefault<string>
  state_since: WithDefault<Timestamp>
  created_at: WithDefault<Timestamp>
}

export interface MayflyCeiling {
  id: GeneratedAlways<bigint>
  hash: Bytes
  permission: string
}

export interface MayflyChange {
  id: string
  tenant_id: string
  class: string
  operation: string
  params: Json
  body: Json
  before: Json
  after: Json
  status: WithDefault<string>
  proposer_id: string
  proposer_role: string
  proposer_tenant_id: string | null
  proposer_person_id: string | null
  created_at: WithDefault<Timestamp>
  expires_at: WithDefault<Timestamp>
  decider_id: string | null
  decider_person_id: string | null
  decided_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  break_glass_reason: string | null
}

export interface MayflyClaim {
  account_id: string
  tenant_id: string
  person_id: string
  claimed_at: Timestamp
  review_on: ColumnType<Date | null, string | null | undefined, string | null>
}

export interface MayflyClaimCode {
  account_id: string
  tenant_id: string
  secret_hash: Bytes
  secret_until: Timestamp
  code_mac: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  attempts_left: number
  expires_at: Timestamp
}

export interface MayflyConnector {
  id: string
  tenant_id: string
  name: string
  kind: string
  config: Json
  admin_sealed: Bytes
  kek_id: string
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
}

export interface MayflyConsoleSession {
  credential_id: string
  tenant_id: string
  groups: Json
}

export interface MayflyConsumedNonce {
  resource_id: string
  nonce_hash: Bytes
  expires_at: Timestamp
}

export interface MayflyCredential {
  id: string
  kind: string
  tenant_id: string | null
  resource_id: string | null
  role: string | null
  name: string
  secret_hash: Bytes
  created_at: WithDefault<Timestamp>
  expires_at: Timestamp
  used_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  person_id: string | null
  provider_id: string | null
  made_by: string | null
  last_used_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyEnrolment {
  id: string
  tenant_id: string
  agent_id: string
  instance: string
  join_token_id: string | null
  trust_source_id: string | null
  created_at: WithDefault<Timestamp>
  renewed_at: WithDefault<Timestamp>
  not_after: Timestamp
  basis: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
}

export interface MayflyErasure {
  id: string
  tenant_id: string | null
  key_ids: List<string>
  person_ids: List<string>
  sealed: string | null
  sealed_under: string | null
  sealed_step: number | null
  agent_ids: WithDefault<List<string>>
  asked_at: WithDefault<Timestamp>
  swept_to: WithDefault<Int8>
  sweep_end: ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>
  removed: WithDefault<Int8>
  swept_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  ledgered_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  replayed: WithDefault<boolean>
}

export interface MayflyErasureKey {
  id: string
  tenant_id: string
  step: WithDefault<number>
  key_sealed: Bytes
  kek_id: string
}

export interface MayflyFeed {
  tenant_id: string
  shard: WithDefault<string>
  epoch: WithDefault<Int8>
}

export interface MayflyFeedAcknowledgement {
  tenant_id: string
  receiver_id: string
  epoch: Int8
  at: Timestamp
}

export interface MayflyFeedReceiver {
  tenant_id: string
  id: string
  resource_id: string
  name: string
  shard: string
  epoch: Int8
  first_seen_at: Timestamp
  seen_at: Timestamp
  gone: WithDefault<boolean>
}

export interface MayflyFeedReport {
  tenant_id: string
  shard: string
  epoch: Int8
}

export interface MayflyIdempotency {
  credential_id: string
  key_hash: Bytes
  fingerprint: Bytes
  status: number | null
  response: Json
  expires_at: Timestamp
  tenant_id: WithDefault<string>
}

export interface MayflyJoinToken {
  id: string
  tenant_id: string
  agent_id: string
  note: string | null
  secret_hash: Bytes
  created_at: WithDefault<Timestamp>
  expires_at: Timestamp
  used_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyKeyRewrap {
  id: WithDefault<number>
  kek_id: string
  requested_at: Timestamp
  finished_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  rewrapped: WithDefault<Int8>
}

export interface MayflyLegalHold {
  id: string
  tenant_id: string
  kind: string
  target_id: string | null
  key_ids: List<string> | null
  matter: string
  placed_by: string
  placed_at: WithDefault<Timestamp>
  lifted_by: string | null
  lifted_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyLineage {
  account_id: string
  tenant_id: string
  root_id: string
  parent_id: string
  depth: number
  max_depth: number
  ancestors: List<string>
  generations: List<number>
  agents: List<string>
  quota: Json
}

export interface MayflyLiveCount {
  scope: string
  tenant_id: string
  live: number
}

export interface MayflyOutbox {
  id: GeneratedAlways<bigint>
  tenant_id: string
  account_id: string
  transition: string
  generation: number
  payload: Json
  at: Timestamp
  attempts: WithDefault<number>
  due_at: WithDefault<Timestamp>
  parked: WithDefault<boolean>
}

export interface MayflyPerson {
  id: string
  tenant_id: string | null
  issuer: string
  subject: string
  name: string | null
  email: string | null
  created_at: WithDefault<Timestamp>
  seen_at: WithDefault<Timestamp>
  left_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyQuota {
  tenant_id: string
  scope: string
  kind: string
  used: Int8
  ends_at: Timestamp
}

export interface MayflyReplay {
  tenant_id: string
  kind: string
  hash: Bytes
  expires_at: Timestamp
}

export interface MayflyResource {
  id: string
  tenant_id: string
  uri: string
  name: string
  config: Json
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
}

export interface MayflyRetention {
  tenant_id: string
  security: number | null
  standard: number | null
  short: number | null
  updated_at: WithDefault<Timestamp>
}

export interface MayflyRevocation {
  tenant_id: string
  epoch: Int8
  id: string
  at: Timestamp
  kind: string
  subject: string
  match: Bytes
  least: ColumnType<bigint | null, bigint | number | string | null | undefined, bigint | number | string | null>
  until: Timestamp
  cause: string
  actor: Json
}

export interface MayflySignInClientSecret {
  id: string
  tenant_id: string
  secret_sealed: Bytes
  kek_id: string
  created_at: WithDefault<Timestamp>
}

export interface MayflySignInProvider {
  id: string
  tenant_id: string | null
  name: string
  issuer: string
  client_id: string
  config: Json
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
}

export interface MayflySigningKey {
  id: string
  tenant_id: string
  kid: string
  alg: string
  public_jwk: Json
  private_sealed: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  kek_id: string | null
  state: WithDefault<string>
  created_at: WithDefault<Timestamp>
  state_since: WithDefault<Timestamp>
}

export interface MayflySsfAcknowledgement {
  tenant_id: string
  stream_id: string
  epoch: Int8
  at: WithDefault<Timestamp>
}

export interface MayflySsfDeadLetter {
  id: string
  tenant_id: string
  stream_id: string
  shard: string
  epoch: Int8
  event: Json
  err: string
  description: string | null
  due: WithDefault<boolean>
  at: WithDefault<Timestamp>
}

export interface MayflySsfNotice {
  id: string
  tenant_id: string
  stream_id: string
  place: GeneratedAlways<bigint>
  type: string
  claims: Json
  at: WithDefault<Timestamp>
}

export interface MayflySsfReceiver {
  id: string
  tenant_id: string
  name: string
  audience: string
  ca_pem: string | null
  secret_hash: Bytes
  expires_at: Timestamp
  previous_hash: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  previous_until: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  created_at: WithDefault<Timestamp>
}

export interface MayflySsfStream {
  id: string
  tenant_id: string
  receiver_id: string
  issuer: string
  description: string | null
  events_requested: Json
  method: string
  endpoint_url: string | null
  authorization_sealed: ColumnType<Buffer | null, Uint8Array | null | undefined, Uint8Array | null>
  kek_id: string | null
  status: WithDefault<string>
  status_reason: string | null
  shard: string
  cursor: Int8
  ahead: WithDefault<Json>
  taken_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  hold_until: WithDefault<Timestamp>
  failures: WithDefault<number>
  failure: string | null
  failure_status: number | null
  lease: string | null
  leased_until: WithDefault<Timestamp>
  tried_at: WithDefault<Timestamp>
  verified_at: WithDefault<Timestamp>
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
}

export interface MayflySsfSubject {
  stream_id: string
  tenant_id: string
  hash: Bytes
  subject: Json
}

export interface MayflySubjectKey {
  id: string
  tenant_id: string
  subject_hash: Bytes
  key_sealed: Bytes
  kek_id: string
  created_at: WithDefault<Timestamp>
}

export interface MayflySubjectPin {
  token_hash: Bytes
  key_thumbprint: Bytes
  expires_at: Timestamp
}

export interface MayflySweep {
  id: string
  tenant_id: string
  agents: List<string> | null
  facts: Json
  resume_after: WithDefault<string>
  ended: WithDefault<Int8>
  touched_at: WithDefault<Timestamp>
  finished_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyTenant {
  id: string
  slug: string
  name: string
  is_first: WithDefault<boolean>
  config_epoch: WithDefault<Int8>
  created_at: WithDefault<Timestamp>
  two_person: WithDefault<Json>
  longest_token_seconds: WithDefault<number>
}

export interface MayflyTenantLimits {
  tenant_id: string
  granted: WithDefault<Json>
  own: WithDefault<Json>
  updated_at: WithDefault<Timestamp>
}

export interface MayflyTokenStatus {
  list: string
  idx: number
  tenant_id: string
  token_id: string
  account_id: string
  generation: number
  root_id: string
  agents: List<string>
  config_epoch: Int8
  kid: string
  until: Timestamp
}

export interface MayflyTombstone {
  task_key: string
  account_id: string
  tenant_id: string
  ended_at: Timestamp
  state: string
}

export interface MayflyTrustSource {
  id: string
  tenant_id: string
  name: string
  kind: string
  issuer: string | null
  audience: string | null
  config: Json
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
  suspended_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
  held_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface MayflyUsage {
  tenant_id: string
  day: Day
  agent_id: string
  account_id: string
  opened: WithDefault<Int8>
  tokens: WithDefault<Int8>
  denials: WithDefault<Int8>
  calls_allowed: WithDefault<Int8>
  calls_refused: WithDefault<Int8>
  units: WithDefault<Int8>
}

export interface MayflyUsageCursor {
  id: number
  position: Int8
}

export interface MayflyWebhook {
  id: string
  tenant_id: string
  name: string
  config: Json
  secret_sealed: Bytes
  kek_id: string
  public_key: string | null
  hold_until: WithDefault<Timestamp>
  failures: WithDefault<number>
  created_at: WithDefault<Timestamp>
  updated_at: WithDefault<Timestamp>
}

export interface MayflyWebhookMessage {
  id: string
  tenant_id: string
  webhook_id: string
  event: string
  type: string
  body: string
  state: WithDefault<string>
  due_at: WithDefault<Timestamp>
  attempts: WithDefault<number>
  status: number | null
  failure: string | null
  created_at: WithDefault<Timestamp>
  settled_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
}

export interface DB {
  'log.body': LogBody
  'log.checkpoint': LogCheckpoint
  'log.checkpoint_disowned': LogCheckpointDisowned
  'log.entry': LogEntry
  'log.event': LogEvent
  'log.event_class': LogEventClass
  'log.event_cursor': LogEventCursor
  'log.event_mention': LogEventMention
  'log.event_slot': LogEventSlot
  'log.event_stretch': LogEventStretch
  'log.fork': LogFork
  'log.fork_finished': LogForkFinished
  'log.fork_unknown': LogForkUnknown
  'log.head': LogHead
  'log.pending': LogPending
  'log.pending_revocation': LogPendingRevocation
  'log.report_mention': LogReportMention
  'log.retention_class': LogRetentionClass
  'log.sealer': LogSealer
  'log.signer': LogSigner
  'log.transition': LogTransition
  'mayfly.account': MayflyAccount
  'mayfly.account_holder': MayflyAccountHolder
  'mayfly.agent': MayflyAgent
  'mayfly.anonymous_opening': MayflyAnonymousOpening
  'mayfly.attachment': MayflyAttachment
  'mayfly.audit_sink': MayflyAuditSink
  'mayfly.audit_stream': MayflyAuditStream
  'mayfly.ca_key': MayflyCaKey
  'mayfly.ceiling': MayflyCeiling
  'mayfly.change': MayflyChange
  'mayfly.claim': MayflyClaim
  'mayfly.claim_code': MayflyClaimCode
  'mayfly.connector': MayflyConnector
  'mayfly.console_session': MayflyConsoleSession
  'mayfly.consumed_nonce': MayflyConsumedNonce
  'mayfly.credential': MayflyCredential
  'mayfly.enrolment': MayflyEnrolment
  'mayfly.erasure': MayflyErasure
  'mayfly.erasure_key': MayflyErasureKey
  'mayfly.feed': MayflyFeed
  'mayfly.feed_acknowledgement': MayflyFeedAcknowledgement
  'mayfly.feed_receiver': MayflyFeedReceiver
  'mayfly.feed_report': MayflyFeedReport
  'mayfly.idempotency': MayflyIdempotency
  'mayfly.join_token': MayflyJoinToken
  'mayfly.key_rewrap': MayflyKeyRewrap
  'mayfly.legal_hold': MayflyLegalHold
  'mayfly.lineage': MayflyLineage
  'mayfly.live_count': MayflyLiveCount
  'mayfly.outbox': MayflyOutbox
  'mayfly.person': MayflyPerson
  'mayfly.quota': MayflyQuota
  'mayfly.replay': MayflyReplay
  'mayfly.resource': MayflyResource
  'mayfly.retention': MayflyRetention
  'mayfly.revocation': MayflyRevocation
  'mayfly.sign_in_client_secret': MayflySignInClientSecret
  'mayfly.sign_in_provider': MayflySignInProvider
  'mayfly.signing_key': MayflySigningKey
  'mayfly.ssf_acknowledgement': MayflySsfAcknowledgement
  'mayfly.ssf_dead_letter': MayflySsfDeadLetter
  'mayfly.ssf_notice': MayflySsfNotice
  'mayfly.ssf_receiver': MayflySsfReceiver
  'mayfly.ssf_stream': MayflySsfStream
  'mayfly.ssf_subject': MayflySsfSubject
  'mayfly.subject_key': MayflySubjectKey
  'mayfly.subject_pin': MayflySubjectPin
  'mayfly.sweep': MayflySweep
  'mayfly.tenant': MayflyTenant
  'mayfly.tenant_limits': MayflyTenantLimits
  'mayfly.token_status': MayflyTokenStatus
  'mayfly.tombstone': MayflyTombstone
  'mayfly.trust_source': MayflyTrustSource
  'mayfly.usage': MayflyUsage
  'mayfly.usage_cursor': MayflyUsageCursor
  'mayfly.webhook': MayflyWebhook
  'mayfly.webhook_message': MayflyWebhookMessage
}

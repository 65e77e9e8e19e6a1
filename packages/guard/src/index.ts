// What `@mayfly/guard` offers. The Fastify plugin is `@mayfly/guard/fastify`.

export type { WebContext } from './adapters/web.ts'
export { refusalResponse, verifyRequest } from './adapters/web.ts'
export { certificateThumbprint } from './binding.ts'
export type { Decision, ReportOptions } from './broker/decision-reporter.ts'
export type { JwkSet } from './broker/key-source.ts'
export type { DecisionHooks, GuardDecision } from './decisions.ts'
export type { DpopOptions } from './dpop/dpop-proofs.ts'
export type { FeedState } from './feed/feed-follower.ts'
export type { StaleReason } from './feed/freshness.ts'
export type { Guard, GuardStats } from './guard.ts'
export { createGuard } from './guard.ts'
export type { GuardOptions, RevocationOptions } from './options.ts'
export type { GrantedDetail } from './permission/detail.ts'
export type { Credential } from './replay/consume.ts'
export type {
  GuardedRequest,
  Operation,
  PresenceOperation,
  RequestBody,
  RequestHeaders,
  RowOperation,
  ToolOperation,
} from './request.ts'
export type { ResourceMetadata } from './resource-metadata.ts'
export type { Actor, ReplayMode, StatusReference, TaskTokenClaims } from './token/claims.ts'
export { resourceHash } from './token/resource-set.ts'
export type { Allowed, Reason, Refused, Verdict } from './verdict.ts'
export type { OnWarning, WarningCode } from './warnings.ts'

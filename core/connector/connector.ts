// What a connector is: it makes something outside for one account, gives its holder access to it, takes the access away and
// destroys the thing. Each step may be cut off anywhere and is then done again, perhaps by another process, so each must
// come to the same end from whatever an earlier attempt left. That works because every name outside follows from the
// attachment's id (`names.ts`): whoever comes next knows what to look for without having been told.
//
// How to write one: docs/connectors.md.

export const connectorKinds = ['postgres', 'redis', 'webhook'] as const
export type ConnectorKind = (typeof connectorKinds)[number]

/** One attachment, as a connector sees it. */
export interface Target {
  /** uuid */
  readonly attachmentId: string
  readonly accountId: string
  readonly tenantId: string
  readonly agentId: string
  /** As `validate` of its kind let it pass. */
  readonly config: Readonly<Record<string, unknown>>
  /** What the connector itself signs in with. Never logged, never stored in clear. */
  readonly admin: Readonly<Record<string, string>>
  /** Counts the credentials; each has names and secrets of its own. From 1. */
  readonly rotation: number
  /** End of the account in seconds since the epoch; Infinity: none. Access should end by itself then, where that is possible. */
  readonly deadlineSeconds: number
  /** Aborted when the time for the step is over. */
  readonly signal: AbortSignal
  /**
   * The same as a moment, milliseconds since the epoch on the database's clock: a process that stood still learns of it by
   * looking, before any timer tells. Some time later somebody else takes over, so nothing may be sent outside afterwards.
   */
  readonly untilMs: number
}

/** Throws ConnectorFailure `timeout` once the step is over. To be asked right before anything is sent that makes something. */
export function checkTime({ signal, untilMs }: Pick<Target, 'signal' | 'untilMs'>, nowMs: number): void {
  if (signal.aborted || nowMs >= untilMs) throw new ConnectorFailure('timeout', 'the time for this step is over')
}

/** What the holder needs to use it: addresses, names, secrets. Given once, kept nowhere. */
export type Access = Readonly<Record<string, string | number>>

/** What is gone: kinds of things and how many; never names or content. */
export interface Destroyed {
  readonly what: string
  readonly count: number
  readonly bytes?: number
}

export interface Connector {
  /** Makes it, or completes what an earlier attempt began, with access under `rotation`. */
  provision(target: Target): Promise<Access>
  /** Ends all earlier access, sessions included, and gives new under `rotation`. What was made stays. */
  rotate(target: Target): Promise<Access>
  /** Ends all access, sessions included, for everybody. What was made stays. Nothing there: done. */
  lock(target: Target): Promise<void>
  /** The deadline has moved. */
  extend(target: Target): Promise<void>
  /** Takes down all that is left of it. Nothing there: done, nothing destroyed. */
  destroy(target: Target): Promise<readonly Destroyed[]>
}

export type Connectors = Readonly<Record<ConnectorKind, Connector>>

export type FailureReason =
  /** No connection, it was lost, or the other side says that it cannot now. */
  | 'unreachable'
  /** Its address is one that Mayfly does not connect to. */
  | 'address_refused'
  /** It does not accept the connector's own credentials, or they may not do this. */
  | 'not_authorised'
  /** It took too long. */
  | 'timeout'
  /** It answered that it failed, or what cannot be understood. */
  | 'failed'

/** Why a step did not come to its end. The reason is shown and kept; message and cause are for operators' logs. */
export class ConnectorFailure extends Error {
  override readonly name = 'ConnectorFailure'
  readonly reason: FailureReason

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

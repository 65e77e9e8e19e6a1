// Moments at which a test may end the process, or hold it for ever, to see that neither something outside without a row nor half an account is left.

export const connectorFailpoints = [
  /** The row says that it is being made; nothing is made. */
  'attachment-begun',
  /** It is made; the row says that it is being made. */
  'attachment-made',
  /** It is made and active; its holder knows nothing. */
  'attachment-committed',
  /** A worker has taken it over; nothing is taken down. */
  'teardown-begun',
  /** It is taken down; the row says that it is there. */
  'teardown-done',
] as const

export type ConnectorFailpointName = (typeof connectorFailpoints)[number]
export type ConnectorFailpoint = (name: ConnectorFailpointName) => void | Promise<void>

// What `@mayfly/client` offers.

export type { ClientCertificate } from './broker-connection.ts'
export type { MayflyClient, MayflyClientOptions } from './client.ts'
export { createMayflyClient } from './client.ts'
export type { MayflyErrorFields } from './mayfly-error.ts'
export { MayflyError } from './mayfly-error.ts'
export type { ResourceInit, ResourceResponse } from './resource-fetch.ts'
export type { RetryOptions } from './retry.ts'
export type { TaskTokenOptions } from './task-token.ts'
export { TaskToken } from './task-token.ts'
export type { Permissions } from './token-request.ts'
export type { TaskTokenValue } from './token-response.ts'

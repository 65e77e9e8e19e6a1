// The registry of permission types. To add a type, write its row and list it here: schema, normal form, comparison, guard
// reference, sentences and metadata all follow from the row.

import { type AgentHttp, agentHttp } from './agent-http.ts'
import { type AgentRow, agentRow } from './agent-row.ts'
import { type AgentTool, agentTool } from './agent-tool.ts'
import type { PermissionType } from './permission-type.ts'

/** An authorization detail in normal form. */
export type AuthorizationDetail = AgentHttp | AgentRow | AgentTool

type AnyPermissionType = PermissionType<AuthorizationDetail, unknown>

export const permissionTypes: readonly AnyPermissionType[] = [
  agentHttp as AnyPermissionType,
  agentRow as AnyPermissionType,
  agentTool as AnyPermissionType,
]

/** For RFC 8414 `authorization_details_types_supported` (RFC 9396 § 10). */
export const permissionTypeNames: readonly string[] = permissionTypes.map(row => row.type)

const byName = new Map(permissionTypes.map(row => [row.type as string, row]))

/** The row of a type, or undefined when no such type exists here. */
export function findPermissionType(type: string): AnyPermissionType | undefined {
  return byName.get(type)
}

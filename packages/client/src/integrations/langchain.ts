// Tools for LangChain.js whose every call has a token of its own, for what that call does and nothing else. A model that is talked
// into something else finds that its token does not: what a call may do follows from its input, before the input does anything.

import { type DynamicStructuredTool, type ToolRunnableConfig, tool } from '@langchain/core/tools'
import type { InferInteropZodOutput, InteropZodObject } from '@langchain/core/utils/types'
import type { MayflyClient } from '../client.ts'
import { MayflyError } from '../mayfly-error.ts'
import type { ResourceInit, ResourceResponse } from '../resource-fetch.ts'
import type { Permissions } from '../token-request.ts'
import type { TaskTokenValue } from '../token-response.ts'
import { fillTemplate, variablesOf } from './uri-template.ts'

/** What a call of a tool has at hand. */
export interface TaskToolCall {
  /** Calls the resource with this call's token. Ends with the run. */
  fetch(url: string | URL, init?: ResourceInit): Promise<ResourceResponse>
  /** The token itself, for what is not called by `fetch`. */
  token(): Promise<TaskTokenValue>
  /** Aborted when the run is. */
  readonly signal: AbortSignal | undefined
  readonly config: ToolRunnableConfig
}

/** What a tool may do, by its input. */
export type PermissionsOf<Input> = Permissions | ((input: Input) => Permissions)

/** What every tool says of itself. */
export interface TaskToolFields<Input> {
  readonly name: string
  readonly description: string
  /** What one call may do. Name a `taskId` or `accountId`, so that all calls of a task live in one account. */
  readonly permissions: PermissionsOf<Input>
  /** Gives each token up when its call has ended, at the price of one more request to the broker. Default false: it expires. */
  readonly revokeAfterwards?: boolean
}

/**
 * A tool whose calls have a token each. func: takes the input and the call. schema: of the input, Zod.
 *
 * @example
 * const readOrder = taskTool(client, async ({ id }, { fetch }) => (await fetch(`${api}/orders/${id}`)).text(), {
 *   name: 'read_order',
 *   description: 'Reads one order.',
 *   schema: z.object({ id: z.string() }),
 *   permissions: ({ id }) => ({ resource: api, taskId, authorizationDetails: [
 *     { type: 'agent_http', locations: [api], methods: ['GET'], uri_template: `/orders/${id}` } ] }),
 * })
 */
export function taskTool<Schema extends InteropZodObject>(
  client: MayflyClient,
  func: (input: InferInteropZodOutput<Schema>, call: TaskToolCall) => unknown,
  fields: TaskToolFields<InferInteropZodOutput<Schema>> & { readonly schema: Schema },
): DynamicStructuredTool {
  return makeTool(client, func as AnyFunction, fields as AnyFields)
}

/** One operation of a resource. */
export interface HttpToolFields {
  readonly name: string
  readonly description: string
  /** The protected resource, as registered. */
  readonly resource: string
  /** Path below the resource; its variables are the tool's parameters: `/orders/{id}`. */
  readonly uriTemplate: string
  /** Default GET. POST, PUT and PATCH take a `body`, too. */
  readonly method?: string
  readonly taskId?: string
  readonly accountId?: string
  readonly revokeAfterwards?: boolean
}

/**
 * A tool that calls one operation of a resource, with a token for exactly the path that this call is for, and gives its answer as
 * text. Throws a MayflyError where the broker or the resource refuses.
 */
export function httpTool(client: MayflyClient, fields: HttpToolFields): DynamicStructuredTool {
  const { name, description, resource, uriTemplate, method = 'GET', taskId, accountId, revokeAfterwards = false } = fields
  const takesBody = ['POST', 'PUT', 'PATCH'].includes(method)
  const parameters = variablesOf(uriTemplate)
  const properties = Object.fromEntries(parameters.map(each => [each, { type: 'string' }]))
  const schema = {
    type: 'object',
    properties: { ...properties, ...(takesBody && { body: { type: 'object' } }) },
    required: [...parameters, ...(takesBody ? ['body'] : [])],
    additionalProperties: false,
  }
  const permissions = (input: AnyInput): Permissions => ({
    resource,
    ...(taskId !== undefined && { taskId }),
    ...(accountId !== undefined && { accountId }),
    authorizationDetails: [
      { type: 'agent_http', locations: [resource], methods: [method], uri_template: fillTemplate(uriTemplate, input) },
    ],
  })
  const func = async (input: AnyInput, { fetch }: TaskToolCall) => {
    const body = takesBody ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(input['body']) } : {}
    const response = await fetch(resource.replace(/\/$/, '') + fillTemplate(uriTemplate, input), { method, ...body })
    return textOf(response)
  }
  return makeTool(client, func, { name, description, schema, permissions, revokeAfterwards })
}

type AnyInput = Readonly<Record<string, unknown>>
type AnyFunction = (input: AnyInput, call: TaskToolCall) => unknown
type AnyFields = TaskToolFields<AnyInput> & { readonly schema: object }

function makeTool(client: MayflyClient, func: AnyFunction, fields: AnyFields): DynamicStructuredTool {
  const { name, description, schema, permissions, revokeAfterwards = false } = fields
  const run = async (input: AnyInput, config: ToolRunnableConfig): Promise<unknown> => {
    const asked = typeof permissions === 'function' ? permissions(input) : permissions
    const token = client.taskToken(asked)
    const { signal } = config
    const patience = signal ? { signal } : {}
    try {
      return await func(input, {
        fetch: async (url, init = {}) => client.fetch(url, { ...patience, ...init }, token),
        token: () => token.get(patience),
        signal,
        config,
      })
    } finally {
      // Where it cannot be given up now it expires. To fail here would make a model do again what was done.
      if (revokeAfterwards && token.current) await client.revokeToken(token.current).catch(() => undefined)
      token.close()
    }
  }
  return tool(run as never, { name, description, schema: schema as never }) as unknown as DynamicStructuredTool
}

/** As much as a model can make use of. */
const maxCharacters = 20_000

async function textOf(response: ResourceResponse): Promise<string> {
  const text = (await response.text()).slice(0, maxCharacters)
  if (response.ok) return text
  throw new MayflyError({ error: 'refused_by_resource', description: text, status: response.status })
}

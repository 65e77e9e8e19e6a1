// Connectors: what accounts may attach. What a connector signs in with goes in and never comes out again.

import { Type } from 'typebox'
import { registerConnector, removeConnector, replaceConnector } from '#core/connector/connectors.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { webhookPublicKey } from '#core/webhook/signature.ts'
import { findConnector, listConnectors } from '#db/connector/connectors.ts'
import { ownTenant, tenantOf } from '../../http/access.ts'
import { answerPage } from './answer-page.ts'
import { uuidOf } from './collection.ts'
import { ConnectorBody, ConnectorView, CreatedConnectorView, toConnectorInput, toConnectorView } from './connector-schema.ts'
import type { V1App, V1Deps } from './deps.ts'
import type { Call } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { IdParams, operatorSecurity, PageOf, PageQuery, problems } from './schemas.ts'

const path = '/v1/connectors'
const tags = ['connector']
const base = { tags, security: operatorSecurity }

export function connectorRoutes(app: V1App, deps: V1Deps): void {
  registerReads(app, deps)
  registerChanges(app, deps)
}

function registerReads(app: V1App, deps: V1Deps): void {
  app.get(
    path,
    {
      schema: {
        ...base,
        summary: 'List connectors',
        querystring: PageQuery,
        response: { 200: PageOf(ConnectorView), ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const read = (page: Parameters<typeof listConnectors>[2]) => listConnectors(deps.db.forTenant(tenantId), tenantId, page)
      return (await answerPage(deps.cursors, `${path} ${tenantId}`, request.query, read, toConnectorView)) as never
    },
  )
  app.get(
    `${path}/:id`,
    {
      schema: {
        ...base,
        summary: 'Get one connector',
        params: IdParams('connector'),
        response: { 200: ConnectorView, ...problems },
      },
    },
    async request => {
      const tenantId = tenantOf(request)
      const row = await findConnector(deps.db.forTenant(tenantId), uuidOf('connector', request.params.id), tenantId)
      if (!row) throw new BrokerError('not_found')
      return toConnectorView(row) as never
    },
  )
}

function registerChanges(app: V1App, deps: V1Deps): void {
  const changeBy = ({ actor, nowMs }: Call) => ({
    actor,
    tenantId: ownTenant(actor),
    keyEncryption: deps.keyEncryption,
    nowMs,
  })
  const owner = { tenantOf: ({ actor }: Call) => ownTenant(actor) }
  const idOf = ({ params }: Call): string => uuidOf('connector', params['id']!)
  registerOperation(
    app,
    deps,
    {
      ...owner,
      route: `POST ${path}`,
      status: 201,
      secret: true,
      async work(trx, call) {
        const { row, signingSecret } = await registerConnector(trx, changeBy(call), toConnectorInput(call.body))
        const shown = signingSecret && (webhookPublicKey(signingSecret) ?? signingSecret)
        return { ...toConnectorView(row), ...(shown && { signing_secret: shown }) }
      },
    },
    { tags, summary: 'Register one connector', body: ConnectorBody, answer: CreatedConnectorView },
  )
  registerOperation(
    app,
    deps,
    {
      ...owner,
      route: `PUT ${path}/:id`,
      status: 200,
      work: async (trx, call) =>
        toConnectorView(await replaceConnector(trx, changeBy(call), idOf(call), toConnectorInput(call.body))),
    },
    { tags, summary: 'Replace one connector', params: IdParams('connector'), body: ConnectorBody, answer: ConnectorView },
  )
  registerOperation(
    app,
    deps,
    {
      ...owner,
      route: `DELETE ${path}/:id`,
      status: 204,
      async work(trx, call) {
        await removeConnector(trx, changeBy(call), idOf(call))
        return undefined
      },
    },
    { tags, summary: 'Remove one connector', params: IdParams('connector'), answer: Type.Null() },
  )
}

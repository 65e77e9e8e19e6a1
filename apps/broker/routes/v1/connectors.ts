// Connectors: what accounts may attach. What a connector signs in with goes in and never comes out again.

import { Type } from 'typebox'
import { registerConnector, removeConnector, replaceConnector } from '#core/connector/connectors.ts'
import { webhookPublicKey } from '#core/webhook/signature.ts'
import { type ConnectorRow, findConnector, listConnectors } from '#db/connector/connectors.ts'
import { ownTenant } from '../../http/access.ts'
import { registerReads, uuidOf } from './collection.ts'
import { ConnectorBody, ConnectorView, CreatedConnectorView, toConnectorInput, toConnectorView } from './connector-schema.ts'
import type { V1App, V1Deps } from './deps.ts'
import { type Call, ofOwnTenant } from './operation.ts'
import { registerOperation } from './register-operation.ts'
import { IdParams } from './schemas.ts'

const path = '/v1/connectors'
const tags = ['connector']

export function connectorRoutes(app: V1App, deps: V1Deps): void {
  registerReads(app, deps, {
    path,
    idKind: 'connector',
    noun: 'connector',
    View: ConnectorView,
    toView: (row: ConnectorRow) => toConnectorView(row) as never,
    list: listConnectors,
    find: findConnector,
  })
  registerChanges(app, deps)
}

function registerChanges(app: V1App, deps: V1Deps): void {
  const changeBy = ({ actor, nowMs }: Call) => ({
    actor,
    tenantId: ownTenant(actor),
    keyEncryption: deps.keyEncryption,
    nowMs,
  })
  const idOf = ({ params }: Call): string => uuidOf('connector', params['id']!)
  registerOperation(
    app,
    deps,
    {
      ...ofOwnTenant,
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
      ...ofOwnTenant,
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
      ...ofOwnTenant,
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

// Everything in one process, in the order in which each part needs the others: certificates, database, OpenID provider,
// worker, broker, the registrations, the APIs to try things on. It is ended in the reverse order.

import { randomBytes } from 'node:crypto'
import { type Broker, startBroker } from '#apps/broker/broker.ts'
import type { BrokerConfig } from '#apps/broker/config.ts'
import { consoleClient } from '#apps/idp/console-client.ts'
import { createIdp, type Idp } from '#apps/idp/create-idp.ts'
import { loadOrCreateIdpKeys, saveIdpIssuer } from '#apps/idp/idp-state.ts'
import { type KeySettings, readKeySettings } from '#apps/process/key-settings.ts'
import { type OutboundSettings, readOutboundSettings } from '#apps/process/outbound-settings.ts'
import { readSealerSettings, type SealerSettings } from '#apps/worker/sealer/settings.ts'
import { startWorker } from '#apps/worker/worker.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import { parseId } from '#core/ids/id.ts'
import { makeLogKey } from '#core/tlog/log-keys.ts'
import type { DatabaseUrls } from '#db/prepare.ts'
import { openStandaloneDatabase } from './database.ts'
import { type OrdersApi, startOrdersApi } from './demo/orders-api.ts'
import type { LogFile } from './log-file.ts'
import type { Ports, StandaloneOptions } from './options.ts'
import type { Progress } from './progress.ts'
import { type OperatorAccess, openOperatorAccess } from './seed/operator-access.ts'
import type { ResourceUris } from './seed/registrations.ts'
import { keepResourceCredential } from './seed/resource-credential.ts'
import { type Seeded, seedTenant } from './seed/seed.ts'
import type { StateFolder } from './state-folder.ts'
import { loadTlsMaterial, type TlsMaterial } from './tls-material.ts'

export interface StackOptions
  extends Pick<StandaloneOptions, 'databaseUrl' | 'redisUrl' | 'postgresPort' | 'logLevel' | 'sink' | 'witnesses'> {
  readonly state: StateFolder
  readonly ports: Ports
  readonly logFile: LogFile
  readonly progress: Progress
  /** What the embedded PostgreSQL has to say. */
  readonly say: (text: string) => void
}

/** What runs before anything is registered. */
export interface Core {
  readonly state: StateFolder
  readonly tls: TlsMaterial
  readonly urls: DatabaseUrls
  readonly databaseDescription: string
  readonly publicUrl: string
  readonly mtlsUrl: string
  readonly idpIssuer: string
  readonly mintWorkloadToken: Idp['mint']
  readonly broker: Broker
  /** Resolves when a part that must not end has ended. */
  readonly ended: Promise<string>
  /** What is to be closed before the rest. */
  readonly closing: AsyncDisposableStack
}

export interface Registered {
  readonly operator: OperatorAccess
  readonly seeded: Seeded
  readonly ordersApi: OrdersApi
}

/** Throws StartupError or BrokerError; whatever had been started is then ended. */
export async function startCore(options: StackOptions): Promise<Core> {
  const { state, ports, progress, logFile, logLevel } = options
  await using starting = new AsyncDisposableStack()
  const [tls, database] = await Promise.all([
    loadTlsMaterial(state, new Date()),
    openStandaloneDatabase({ ...options, log: options.say }).then(opened => {
      starting.defer(() => opened.stop())
      return opened
    }),
  ])
  const { urls } = database
  const idp = await progress('Starting the OpenID provider', () => startIdp(state, tls, ports))
  starting.defer(() => idp.close())
  const worker = await progress('Starting the worker', () =>
    startWorker(
      {
        ...keySettings(state),
        ...thisMachine(),
        databaseUrl: urls.app,
        redisUrl: options.redisUrl,
        queueDatabaseUrl: urls.queue,
        logLevel,
        publicUrl: publicUrlOf(ports),
        sealer: { ...sealerSettings(state, publicUrlOf(ports)), witnesses: options.witnesses ?? [] },
        logState: state.folder(logState),
        erasureLedger: { folder: state.folder(erasureLedger) },
        sink: options.sink,
      },
      logFile.logger('worker'),
    ),
  )
  starting.defer(() => worker.close())
  const config = brokerConfig(options, tls, urls)
  const broker = await progress('Starting the broker', () => startBroker(config, logFile.logger('broker')))
  starting.defer(() => broker.close())
  const closing = starting.move()
  const { description: databaseDescription, ended } = database
  const { publicUrl, mtlsUrl } = config
  const idpIssuer = idp.issuer
  const mintWorkloadToken = idp.mint
  return { state, tls, urls, databaseDescription, publicUrl, mtlsUrl, idpIssuer, mintWorkloadToken, broker, ended, closing }
}

async function startIdp(state: StateFolder, tls: TlsMaterial, ports: Ports): Promise<Idp> {
  const keys = await loadOrCreateIdpKeys(state.dir)
  const { certPem: cert, keyPem: key } = tls.server
  const clients = [consoleClient(publicUrlOf(ports))]
  const idp = createIdp({ keys, tls: { cert, key }, production: false, port: ports.idp, clients })
  await saveIdpIssuer(state.dir, await idp.listen())
  return idp
}

/** Connectors and webhooks may lead to what a developer has running beside this. */
const thisMachine = (): OutboundSettings => readOutboundSettings({ MAYFLY_OUTBOUND_NETWORKS: '127.0.0.0/8, ::1/128' }, [])

/** `keys/kek` seals; who changes it puts the one before into `keys/kek-previous`. */
function keySettings(state: StateFolder): KeySettings {
  const problems: string[] = []
  const env = {
    MAYFLY_KEK: state.getOrCreateSecret('keys/kek', () => randomBytes(32).toString('base64url')),
    MAYFLY_KEK_PREVIOUS: state.findSecret('keys/kek-previous'),
  }
  const settings = readKeySettings(env, problems)
  if (problems.length > 0) throw new BrokerError('internal', { hint: problems.join('\n  ') })
  return settings
}

const logTiles = 'log/tiles'
const logState = 'log/state'
/** Beside the database, so that it outlives each of its backups. */
const erasureLedger = 'log/erasures'

/** The log is sealed with a key of its own; what was sealed last lies beside database and tiles. */
function sealerSettings(state: StateFolder, publicUrl: string): SealerSettings {
  const problems: string[] = []
  const settings = readSealerSettings(
    {
      MAYFLY_LOG_KEY: state.getOrCreateSecret('keys/log.pem', makeLogKey),
      MAYFLY_LOG_TILES: state.folder(logTiles),
      MAYFLY_LOG_STATE: state.folder(logState),
      MAYFLY_PUBLIC_URL: publicUrl,
    },
    problems,
  )
  if (!settings || problems.length > 0) throw new BrokerError('internal', { hint: problems.join('\n  ') })
  return settings
}

const publicUrlOf = (ports: Ports): string => `https://localhost:${ports.public}`

function brokerConfig({ state, ports, logLevel, redisUrl }: StackOptions, tls: TlsMaterial, urls: DatabaseUrls): BrokerConfig {
  return {
    publicUrl: publicUrlOf(ports),
    mtlsUrl: `https://localhost:${ports.mtls}`,
    host: '127.0.0.1',
    port: ports.public,
    mtlsPort: ports.mtls,
    metricsPort: ports.metrics,
    databaseUrl: urls.app,
    redisUrl,
    queueDatabaseUrl: urls.queue,
    tls: { certPem: tls.server.certPem, keyPem: tls.server.keyPem },
    ...keySettings(state),
    // The OpenID provider is on this machine.
    allowPrivateIssuers: true,
    ...thisMachine(),
    logLevel,
    logTiles: { folder: state.folder(logTiles) },
    logState: state.folder(logState),
    erasureLedger: { folder: state.folder(erasureLedger) },
  }
}

/** The tenant, its operator and what an agent needs, through `/v1`; then the APIs that stand behind guards. */
export async function registerAll(core: Core, ports: Ports): Promise<Registered> {
  const { state, broker, publicUrl, tls } = core
  const { caPem } = tls
  const nowMs = broker.deps.clock.nowMs()
  const operator = await openOperatorAccess({ state, db: broker.deps.database.db, baseUrl: publicUrl, caPem, nowMs })
  core.closing.defer(() => operator.client.close())
  const agentCaPem = tls.agentCa.certificatePem
  const input = {
    issuer: publicUrl,
    idpIssuer: core.idpIssuer,
    caPem,
    agentCaPem,
    ordersPort: ports.orders,
    now: new Date(nowMs),
  }
  const seeded = await seedTenant(operator.client, input)
  const credential = (name: keyof ResourceUris) =>
    keepResourceCredential(operator.client, state, name, seeded.resourceIds[name], nowMs)
  const credentials = {
    orders: await credential('orders'),
    refunds: await credential('refunds'),
    status: await credential('status'),
  }
  // The broker hears of changes a moment after their commit; whoever asks at once must not be judged by what was before.
  await broker.deps.directory.refresh(parseId('tenant', operator.tenant.id)!)
  const ordersApi = await startOrdersApi({
    issuer: publicUrl,
    uris: seeded.uris,
    credentials,
    caPem,
    agentCaPem,
    tls: tls.server,
    port: ports.orders,
  })
  core.closing.defer(() => ordersApi.close())
  return { operator, seeded, ordersApi }
}

// The certificates of a state folder, made on the first start and renewed in time. Two authorities: one for servers, which
// clients are told to trust, and one for agents, which is what the tenant registers as a trust source. Neither can pass for
// the other.

import { X509Certificate } from 'node:crypto'
import {
  type CertificateAuthority,
  createDevCa,
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
  loadDevCa,
} from './dev-ca.ts'
import { demoAgentUri, helperAgentUri } from './seed/registrations.ts'
import type { StateFolder } from './state-folder.ts'

/** Hosts of every server certificate made here. */
const serverHosts = ['localhost', '127.0.0.1', '::1']

const dayMs = 86_400_000
const leafDays = 60
/** Renewed when less than this is left. */
const leafMarginMs = 7 * dayMs
/** An authority must outlive what it signs. */
const authorityMarginMs = (leafDays + 7) * dayMs

export interface KeyPair {
  readonly certPem: string
  readonly keyPem: string
  /** Absolute paths of the two files, mode 0600. */
  readonly certFile: string
  readonly keyFile: string
}

export interface TlsMaterial {
  /** Who vouches for our servers. */
  readonly caPem: string
  readonly caFile: string
  readonly agentCa: CertificateAuthority
  readonly server: KeyPair
  readonly agent: KeyPair
  /** Of the agent that the first one works with. */
  readonly helper: KeyPair
}

/** Reads, makes or renews everything. */
export async function loadTlsMaterial(state: StateFolder, now: Date): Promise<TlsMaterial> {
  const [ca, agentCa] = await Promise.all([
    keepAuthority(state, 'tls/ca', 'Mayfly development CA', now),
    keepAuthority(state, 'tls/agent-ca', 'Mayfly development agent CA', now),
  ])
  const clientLeaf = (commonName: string, uri: string) =>
    issueClientCertificate(agentCa, { now, uris: [uri], commonName, days: leafDays })
  const [server, agent, helper] = await Promise.all([
    keepLeaf(state, 'tls/server', ca, now, () => issueServerCertificate(ca, { hosts: serverHosts, now, days: leafDays })),
    keepLeaf(state, 'tls/agent', agentCa, now, () => clientLeaf('demo-agent', demoAgentUri)),
    keepLeaf(state, 'tls/helper', agentCa, now, () => clientLeaf('demo-helper', helperAgentUri)),
  ])
  return { caPem: ca.certificatePem, caFile: state.path('tls/ca.pem'), agentCa, server, agent, helper }
}

async function keepAuthority(state: StateFolder, name: string, commonName: string, now: Date): Promise<CertificateAuthority> {
  const certificatePem = state.findSecret(`${name}.pem`)
  const keyPem = state.findSecret(`${name}-key.pem`)
  if (certificatePem && keyPem && msLeft(certificatePem, now) > authorityMarginMs) return loadDevCa({ certificatePem, keyPem })
  const made = await createDevCa({ now, commonName })
  state.writeSecret(`${name}-key.pem`, made.keyPem)
  state.writeSecret(`${name}.pem`, made.certificatePem)
  return made
}

async function keepLeaf(
  state: StateFolder,
  name: string,
  ca: CertificateAuthority,
  now: Date,
  issue: () => Promise<IssuedCertificate>,
): Promise<KeyPair> {
  const [certName, keyName] = [`${name}.pem`, `${name}-key.pem`]
  const files = { certFile: state.path(certName), keyFile: state.path(keyName) }
  const certPem = state.findSecret(certName)
  const keyPem = state.findSecret(keyName)
  if (certPem && keyPem && isUsable(certPem, ca, now)) return { certPem, keyPem, ...files }
  const made = await issue()
  state.writeSecret(keyName, made.keyPem)
  state.writeSecret(certName, made.chainPem)
  return { certPem: made.chainPem, keyPem: made.keyPem, ...files }
}

/** Signed by this very authority, with time left. */
function isUsable(certPem: string, ca: CertificateAuthority, now: Date): boolean {
  const authority = new X509Certificate(ca.certificatePem)
  return msLeft(certPem, now) > leafMarginMs && new X509Certificate(certPem).verify(authority.publicKey)
}

const msLeft = (certPem: string, now: Date): number => new X509Certificate(certPem).validToDate.getTime() - now.getTime()

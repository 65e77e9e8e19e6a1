// OpenSSL as a second opinion on our walk: given one source's anchors and lists and nothing else, it accepts whatever we accept.
// The other way round need not hold: we refuse more. Chains are drawn at random, most of them wrong somewhere.

import 'reflect-metadata' // before @peculiar/x509, which needs it loaded
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backdateMs, type CertificateAuthority, keyToPem, newKeys, newSerialNumber, toPem } from '#apps/standalone/dev-ca.ts'
import { type PresentedCertificate, presentCertificate } from '#core/subject/certificate.ts'
import { CertificateSubjects } from '#core/subject/certificate-subject.ts'
import { listToPem, makeRevocationList } from '#test/setup/revocation-lists.ts'
import { nowMs } from './odd-certificates.ts'
import { makeAgent, makeSnapshot, x509Source } from './snapshot.ts'

const now = new Date(nowMs)
const uri = 'spiffe://example.test/agent'
const hasOpenssl = findOpenssl()
function findOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch (cause) {
    if (process.env['CI']) throw new Error('This test needs openssl. Install it: apt-get install openssl.', { cause })
    console.warn('No openssl here: its second opinion on certificates is left out. Install it: apt-get install openssl.')
    return false
  }
}

/** Mulberry32: deterministic, so that a failure can be had again. */
function drawFrom(seed: number): (probability: number) => boolean {
  let state = seed
  return probability => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0 < probability * 2 ** 32
  }
}

type Draw = ReturnType<typeof drawFrom>
interface Made extends CertificateAuthority {
  readonly name: string
}

/** A certificate that is wrong here and there. issuer: undefined for a root. */
async function make(draw: Draw, name: string, kind: 'ca' | 'leaf', issuer: Made | undefined, wrong: number): Promise<Made> {
  const keys = await newKeys()
  const signer = issuer && draw(wrong) ? await newKeys() : undefined
  const isCa = kind === 'ca' ? !draw(wrong) : draw(wrong)
  const { digitalSignature, keyCertSign, cRLSign, keyAgreement } = x509.KeyUsageFlags
  const usage =
    kind === 'ca' ? (draw(wrong) ? digitalSignature : keyCertSign | cRLSign) : draw(wrong) ? keyAgreement : digitalSignature
  const purpose = draw(wrong) ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(isCa, isCa && draw(0.5) ? (draw(0.5) ? 0 : 1) : undefined, true),
    ...(draw(0.1) ? [] : [new x509.KeyUsagesExtension(usage, true)]),
    ...(kind === 'leaf' || draw(0.2) ? [new x509.ExtendedKeyUsageExtension([purpose])] : []),
    ...(kind === 'leaf' ? [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }])] : []),
    ...(draw(wrong / 2) ? [new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))] : []),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: `CN=${name}`,
    issuer: issuer && draw(wrong) ? 'CN=nobody' : `CN=${issuer?.name ?? name}`,
    notBefore: new Date(nowMs + (draw(wrong / 2) ? 60_000 : -backdateMs)),
    notAfter: new Date(nowMs + (draw(wrong / 2) ? -60_000 : 3_600_000)),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    signingKey: signer?.privateKey ?? issuer?.key ?? keys.privateKey,
    extensions,
  })
  const keyPem = await keyToPem(keys.privateKey)
  return { name, certificatePem: toPem(certificate), keyPem, certificate, key: keys.privateKey }
}

interface Drawn {
  readonly anchor: Made
  readonly intermediates: readonly Made[]
  readonly leaf: Made
  readonly lists: readonly string[] | undefined
}

async function drawChain(seed: number): Promise<Drawn> {
  const draw = drawFrom(seed)
  const wrong = draw(0.4) ? 0 : 0.08
  const anchor = await make(draw, 'root', 'ca', undefined, wrong / 2)
  const intermediates: Made[] = []
  while (intermediates.length < 2 && draw(0.5))
    intermediates.push(await make(draw, `between ${intermediates.length}`, 'ca', intermediates.at(-1) ?? anchor, wrong))
  const leaf = await make(draw, 'leaf', 'leaf', intermediates.at(-1) ?? anchor, wrong)
  if (draw(0.5)) return { anchor, intermediates, leaf, lists: undefined }
  const lists: string[] = []
  const below = [...intermediates, leaf]
  for (const [i, issuer] of [anchor, ...intermediates].entries()) {
    if (draw(wrong)) continue
    const revoked = draw(wrong) ? [below[i]!] : []
    const ended = draw(wrong) ? { nextUpdate: new Date(nowMs - 1000) } : {}
    lists.push(listToPem(await makeRevocationList(issuer, { now, revoked, ...ended })))
  }
  return { anchor, intermediates, leaf, lists }
}

function weAccept({ anchor, intermediates, leaf, lists }: Drawn): boolean {
  const source = { ...x509Source('ca', anchor.certificatePem), crl: lists && { pem: lists } }
  const snapshot = makeSnapshot({ sources: [source], agents: [makeAgent([{ trust_source: 'ca', san_uri: uri }])] })
  const presented: PresentedCertificate = presentCertificate(new X509Certificate(leaf.certificatePem), () =>
    intermediates.map(({ certificatePem }) => new X509Certificate(certificatePem)),
  )
  return new CertificateSubjects().verify(snapshot, presented, nowMs).ok
}

describe.skipIf(!hasOpenssl)('OpenSSL', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mayfly-openssl-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** What it says; undefined when it accepts. */
  function complaint({ anchor, intermediates, leaf, lists }: Drawn): string | undefined {
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const between = intermediates.map(({ certificatePem }) => certificatePem).join('')
    const options = [
      ...['verify', '-trusted', write('anchor.pem', anchor.certificatePem), '-partial_chain'],
      ...['-purpose', 'sslclient', '-attime', String(nowMs / 1000)],
      ...(between ? ['-untrusted', write('between.pem', between)] : []),
      ...(lists ? ['-crl_check_all'] : []),
      ...(lists && lists.length > 0 ? ['-CRLfile', write('lists.pem', lists.join(''))] : []),
    ]
    const { status, stdout, stderr } = spawnSync('openssl', [...options, write('leaf.pem', leaf.certificatePem)], {
      encoding: 'utf8',
    })
    return status === 0 ? undefined : `${stdout}${stderr}`
  }

  test('accepts every chain that we accept, of 160 drawn, and refuses many that we refuse', async () => {
    const counts = { accepted: 0, bothRefuse: 0 }
    for (let seed = 1; seed <= 160; seed++) {
      const drawn = await drawChain(seed)
      const said = complaint(drawn)
      if (weAccept(drawn)) {
        expect(`seed ${seed}: ${said ?? 'fine'}`).toBe(`seed ${seed}: fine`)
        counts.accepted++
      } else if (said !== undefined) counts.bothRefuse++
    }
    // Enough of both, or the draw says nothing.
    expect(counts.accepted).toBeGreaterThan(40)
    expect(counts.bothRefuse).toBeGreaterThan(40)
  })
})

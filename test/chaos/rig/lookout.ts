// Guards on the revocation feed, and somebody who shows them every token all the time and writes down what they say.

import { X509Certificate } from 'node:crypto'
import { vi } from 'vitest'
import { nowMs } from '#test/bench/revocation/clock.ts'
import { type Applied, type Judgement, judge, type Look, type Revoked } from '#test/bench/revocation/history.ts'
import { resourceUri, untilServed } from '#test/setup/registration.ts'
import { createGuard, type Guard, type GuardOptions } from '../../../packages/guard/src/index.ts'
import type { Rig } from './rig.ts'

export interface Shown {
  readonly number: number
  readonly accountId: string
  readonly token: string
}

const lookEveryMs = 10

export class Lookout {
  readonly guards: readonly Guard[]
  readonly boundMs: number
  readonly looks: Look[] = []
  /** What each guard was told by, other than that a token was revoked: by how often. */
  readonly reasons: Record<string, number> = {}
  readonly #rig: Rig
  readonly #certificate: Uint8Array
  readonly #tokens: Shown[] = []
  readonly #revoked: Revoked[] = []
  readonly #applied: Applied[] = []
  readonly #epochs: number[]
  readonly #timer: NodeJS.Timeout

  constructor(
    rig: Rig,
    {
      guards = 3,
      maxStaleSeconds = 10,
      ...more
    }: { readonly guards?: number; readonly maxStaleSeconds?: number } & Partial<GuardOptions> = {},
  ) {
    this.#rig = rig
    this.#certificate = new X509Certificate(rig.certificate.certificatePem).raw
    this.boundMs = maxStaleSeconds * 1_000
    this.guards = Array.from({ length: guards }, (_, i) =>
      createGuard({
        issuer: rig.publicUrl,
        resource: resourceUri,
        credential: rig.resourceSecrets.pop,
        tls: { ca: rig.caPem },
        report: false,
        revocation: { mode: 'feed', maxStaleSeconds, name: `guard-${i}` },
        onWarning: () => {},
        ...more,
      }),
    )
    this.#epochs = this.guards.map(() => -1)
    this.#timer = setInterval(() => {
      for (const [i] of this.guards.entries()) for (const { number } of this.#tokens) void this.#look(i, number)
    }, lookEveryMs)
  }

  /** Opens an account and shows its token from now on. */
  async open(runId: string): Promise<Shown> {
    const answer = await untilServed(() => this.#rig.http.token(this.#rig.form(runId), this.#rig.certificate))
    if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`)
    return this.show(answer.body.access_token, answer.body.account_id)
  }

  show(token: string, accountId: string): Shown {
    const shown = { number: this.#tokens.length, accountId, token }
    this.#tokens.push(shown)
    return shown
  }

  /** What every guard says of it now: `accepted`, or the reason. */
  saysOf({ number }: Shown): Promise<string[]> {
    return Promise.all(this.guards.map((_, i) => this.#look(i, number)))
  }

  /** Until every guard has heard from the feed after this call. */
  async freshly(timeoutMs = 10_000): Promise<void> {
    const askedMs = nowMs()
    await vi.waitFor(
      () => {
        const ages = this.guards.map(guard => guard.stats().feed?.ageMs ?? Number.POSITIVE_INFINITY)
        if (Math.max(...ages) > nowMs() - askedMs) throw new Error(`nothing heard for ${ages.map(Math.round).join(', ')} ms`)
      },
      { timeout: timeoutMs, interval: 10 },
    )
  }

  /** Until every guard says so. */
  async untilAll(shown: Shown, said: string, timeoutMs = 10_000): Promise<void> {
    await vi.waitFor(
      async () => {
        const all = await this.saysOf(shown)
        if (!all.every(each => each === said)) throw new Error(`not ${said} everywhere: ${all.join(', ')}`)
      },
      { timeout: timeoutMs, interval: 10 },
    )
  }

  /** Runs what revokes these tokens, and remembers when. Its epoch: what the feed says once it is there. */
  async revoking(shown: readonly Shown[], work: () => Promise<unknown>, readEpoch: () => Promise<number>): Promise<void> {
    const askedMs = nowMs()
    await work()
    const answeredMs = nowMs()
    // The commit lies between the two; the earlier is the stricter where lateness is measured from it.
    const tokens = shown.map(({ number }) => number)
    this.#revoked.push({ tokens, epoch: await readEpoch(), askedMs, committedMs: askedMs, answeredMs })
  }

  /** Ends the account by the broker, through a wire of its own that nobody cuts. */
  revoke(shown: Shown, readEpoch: () => Promise<number>): Promise<void> {
    return this.revoking([shown], () => this.#revokeAccount(shown), readEpoch)
  }

  async #revokeAccount({ accountId }: Shown): Promise<void> {
    const { http, operatorToken } = this.#rig
    const answer = await untilServed(() => http.v1('POST', `/v1/accounts/${accountId}/revoke`, operatorToken))
    if (answer.status !== 200) throw new Error(`not revoked: ${answer.status} ${answer.text}`)
  }

  async #look(guard: number, token: number): Promise<string> {
    this.#note(guard)
    const startedMs = nowMs()
    const verdict = await this.guards[guard]!.verify({
      method: 'GET',
      url: '/api/orders/1',
      headers: { authorization: `Bearer ${this.#tokens[token]!.token}` },
      certificate: this.#certificate,
      scope: ['orders:read'],
    })
    const endedMs = nowMs()
    this.#note(guard)
    const said = verdict.ok ? 'accepted' : verdict.reason
    const outcome = said === 'accepted' ? said : said === 'token_revoked' ? 'revoked' : 'unavailable'
    if (outcome === 'unavailable') this.reasons[said] = (this.reasons[said] ?? 0) + 1
    this.looks.push({ guard, token, startedMs, endedMs, outcome })
    return said
  }

  /** How far the guard's feed has come, if that is news. Between a stream and the next snapshot it says nothing. */
  #note(guard: number): void {
    const epoch = this.guards[guard]!.stats().feed?.epoch
    if (epoch === undefined || epoch === this.#epochs[guard]) return
    this.#epochs[guard] = epoch
    this.#applied.push({ guard, epoch, atMs: nowMs() })
  }

  /** Held against everything that was revoked. */
  judge(): Judgement {
    const { looks, boundMs } = this
    return judge({ guards: this.guards.length, looks, revoked: this.#revoked, applied: this.#applied, boundMs })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.guards.map(guard => guard.close()))
  }
}

// What a list is called in its URI. Anyone may ask for a list, so a name carries a MAC: one that was made up is refused without a
// look into the database, and a list is found under no tenant but its own.

import { timingSafeEqual } from 'node:crypto'
import { deriveMac } from '#core/ids/derive-mac.ts'
import { formatId, parseId } from '#core/ids/id.ts'

export class ListNames {
  readonly #mac: ReturnType<typeof deriveMac>

  /** secret: the deployment's, at least 32 bytes. */
  constructor(secret: Uint8Array) {
    this.#mac = deriveMac(secret, 'mayfly status list')
  }

  /** tenantId, list: uuids. */
  write(tenantId: string, list: string): string {
    return `${formatId('statusList', list)}.${this.#mac(tenantId, list).toString('base64url')}`
  }

  /** The uuid of a list of this tenant; undefined for what is not the name of one. */
  read(tenantId: string, name: string): string | undefined {
    const list = parseId('statusList', name.slice(0, name.indexOf('.')))
    if (list === undefined) return undefined
    const [given, right] = [Buffer.from(name), Buffer.from(this.write(tenantId, list))]
    return given.length === right.length && timingSafeEqual(given, right) ? list : undefined
  }
}

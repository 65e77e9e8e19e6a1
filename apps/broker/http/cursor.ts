// Cursors of lists: the id behind which a page begins, and a MAC over it and the list that it belongs to. So a cursor can be
// neither made up nor carried to another list or tenant.

import { BrokerError } from '#core/errors/broker-error.ts'
import { deriveMac, macBytes } from '#core/ids/derive-mac.ts'
import { formatUuid } from '#core/ids/id.ts'
import { sameHash } from '#core/ids/secret.ts'
import { decodeBase64url } from '#core/jwt/base64url.ts'

export interface Cursors {
  /** list: names the list and whose it is. lastId: uuid. */
  write(list: string, lastId: string): string
  /** The uuid inside. Throws BrokerError `invalid_cursor`. */
  read(list: string, cursor: string): string
}

/** secret: at least 32 bytes, the same on every broker of a deployment; a key of its own is derived from it. */
export function createCursors(secret: Buffer): Cursors {
  const derived = deriveMac(secret, 'mayfly cursor v1')
  const mac = (list: string, id: Buffer): Buffer => derived(JSON.stringify([list, id.toString('hex')]))
  return {
    write(list, lastId) {
      const id = Buffer.from(lastId.replaceAll('-', ''), 'hex')
      return Buffer.concat([id, mac(list, id)]).toString('base64url')
    },
    read(list, cursor) {
      const bytes = decodeBase64url(cursor)
      const id = bytes?.subarray(0, 16)
      if (!id || bytes?.length !== 16 + macBytes || !sameHash(mac(list, id), bytes.subarray(16)))
        throw new BrokerError('invalid_cursor', { hint: 'Start again without a cursor.' })
      return formatUuid(id.toString('hex'))
    },
  }
}

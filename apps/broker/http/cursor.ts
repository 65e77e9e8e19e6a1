// Cursors of lists: the id behind which a page begins, and a MAC over it and the list that it belongs to. So a cursor can be
// neither made up nor carried to another list or tenant.

import { createHmac, hkdfSync } from 'node:crypto'
import { BrokerError } from '#core/errors/broker-error.ts'
import { formatUuid } from '#core/ids/id.ts'
import { sameHash } from '#core/ids/secret.ts'

const MAC_BYTES = 16

export interface Cursors {
  /** list: names the list and whose it is. lastId: uuid. */
  write(list: string, lastId: string): string
  /** The uuid inside. Throws BrokerError `invalid_cursor`. */
  read(list: string, cursor: string): string
}

/** secret: at least 32 bytes, the same on every broker of a deployment; a key of its own is derived from it. */
export function createCursors(secret: Buffer): Cursors {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'mayfly cursor v1', 32))
  const mac = (list: string, id: Buffer) =>
    createHmac('sha256', key)
      .update(JSON.stringify([list, id.toString('hex')]))
      .digest()
      .subarray(0, MAC_BYTES)
  return {
    write(list, lastId) {
      const id = Buffer.from(lastId.replaceAll('-', ''), 'hex')
      return Buffer.concat([id, mac(list, id)]).toString('base64url')
    },
    read(list, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const [id, found] = [bytes.subarray(0, 16), bytes.subarray(16)]
      // Only the one spelling that we write: base64 has others for the same bytes.
      if (bytes.length !== 16 + MAC_BYTES || bytes.toString('base64url') !== cursor || !sameHash(mac(list, id), found))
        throw new BrokerError('invalid_cursor', { hint: 'Start again without a cursor.' })
      return formatUuid(id.toString('hex'))
    },
  }
}

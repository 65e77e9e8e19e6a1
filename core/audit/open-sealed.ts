import { createDecipheriv } from 'node:crypto'
import { isJsonObject } from '#core/json/is-json-object.ts'

const [nonceBytes, tagBytes] = [12, 16]

/** The facts that `sealFacts` sealed; text: base64url. Throws when the key is another one, or anything was changed. */
export function openSealed(text: string, key: Buffer): Readonly<Record<string, unknown>> {
  const bytes = Buffer.from(text, 'base64url')
  const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
  cipher.setAuthTag(bytes.subarray(-tagBytes))
  const plain = Buffer.concat([cipher.update(bytes.subarray(nonceBytes, -tagBytes)), cipher.final()]).toString('utf8')
  const { facts } = JSON.parse(plain) as { facts: unknown }
  return isJsonObject(facts) ? facts : {}
}

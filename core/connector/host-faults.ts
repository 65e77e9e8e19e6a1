import type { ValidationProblem } from '#core/errors/validation-error.ts'
import { parseIpAddress } from '#core/outbound/ip-address.ts'

const name = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*$/

/** A host is a DNS name in small letters, or an address; which addresses may be reached is asked at each connection. */
export function findHostFault(host: string, pointer: string): ValidationProblem[] {
  const isAddress = parseIpAddress(host) !== undefined
  // A last label of digits is an address in an older way of writing (WHATWG URL, "ends in a number").
  const isName = name.test(host) && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)
  if (isAddress || isName) return []
  return [{ pointer, detail: 'Write a host name in small letters without a dot at its end, or an IP address.' }]
}

export function findPortFault(port: number, pointer: string): ValidationProblem[] {
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? [] : [{ pointer, detail: 'A port is from 1 to 65535.' }]
}

// This provider lets anyone sign in as anyone and mints any workload token that it is asked for. So it runs on the machine
// of the one person who uses it, or in a container network of its own, and never beside production.

import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

export interface IdpSurroundings {
  /** NODE_ENV or MAYFLY_MODE says production. */
  production: boolean
  /** The address to bind to. */
  host: string
  /**
   * In a container, loopback is the container's own: the broker in the next container could not reach a provider bound
   * to it. Compose therefore sets MAYFLY_IDP_ALLOW_CONTAINER_NETWORK=1 and publishes no port of this service; whoever
   * publishes one opens the door that this rule keeps shut.
   */
  allowContainerNetwork: boolean
}

/** Whether an address, as text, is the machine itself. `::ffff:127.0.0.1` counts; a name other than localhost does not. */
export function isLoopback(address: string): boolean {
  if (address === 'localhost') return true
  const family = isIP(address)
  if (family === 0) return false
  return loopback.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Throws an Error that says why and what to do, when the provider must not run here. */
export function refuseUnsafeSurroundings(input: IdpSurroundings): void {
  if (input.production) {
    throw new Error(
      'The development identity provider lets anyone sign in as anyone and does not start in production mode. ' +
        'Register your own OpenID provider as a trust source instead.',
    )
  }
  if (!isLoopback(input.host) && !input.allowContainerNetwork) {
    throw new Error(
      `The development identity provider binds to loopback only, not to ${input.host}. ` +
        'In a container network that nobody else reaches, set MAYFLY_IDP_ALLOW_CONTAINER_NETWORK=1.',
    )
  }
}

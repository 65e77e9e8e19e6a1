// What a request that was refused would need, in the words in which an agent asks for it (RFC 9396). It says nothing that the
// caller did not say: the method and the path that it sent, at the resource that it called.

import type { GuardedRequest } from '../request.ts'
import type { GrantedDetail } from './detail.ts'
import { parseLivePath } from './live-path.ts'
import type { ResourcePlace } from './place.ts'

/** The entry that would grant exactly this request; undefined where none could, or where method and path do not say it. */
export function neededDetail(resource: string, place: ResourcePlace, request: GuardedRequest): GrantedDetail | undefined {
  const { method, operation, url } = request
  const live = parseLivePath(url)
  if (operation || place.origin === undefined || !/^[A-Z]{1,16}$/.test(method)) return undefined
  if (!live || live.hasQuery || !place.mount.every((segment, at) => live.segments[at] === segment)) return undefined
  const below = live.path.slice(1).split('/').slice(place.mount.length)
  return { type: 'agent_http', locations: [resource], methods: [method], uri_template: `/${below.join('/')}` }
}

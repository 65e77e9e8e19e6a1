// The first tenant's console lies at the root, every other's under `/t/<slug>`. Which one this is says the address alone.

import { tenantPrefix } from './tenant-prefix.ts'

export const prefix: string = tenantPrefix(location.pathname)

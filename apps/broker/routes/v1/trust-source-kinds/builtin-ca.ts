import { Type } from 'typebox'
import { Name } from '../schemas.ts'
import type { TrustSourceKindView } from './trust-source-kind.ts'

export const builtinCaView: TrustSourceKindView = {
  members: {
    kind: Type.Literal('builtin_ca'),
    name: Name,
    trust_domain: Type.String({ description: 'Its certificates say spiffe://<trust domain>/agent/<agt_…>/<instance>.' }),
  },
  rule: {},
  madeByBroker: true,
  example: { kind: 'builtin_ca', name: 'built-in CA', trust_domain: 'acme.broker.example' },
  show: row => ({ trust_domain: row.issuer!.slice('spiffe://'.length) }),
}

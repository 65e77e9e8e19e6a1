// What a mayfly.yaml can hold, in the order in which it is applied: what others refer to comes first, and is deleted last. After
// all that come sign-in providers: changing one ends the sessions that were opened through it, perhaps our own.

/** A section of the file and the collection that it stands for. */
export interface ApplyKind {
  /** As in the file. */
  readonly section: 'tenants' | 'sign_in_providers' | 'trust_sources' | 'resources' | 'agents'
  readonly noun: string
  readonly path: string
  /** The member that names one, in the file as in the collection. */
  readonly key: 'slug' | 'name' | 'uri'
  /** Members that only the broker sets. */
  readonly shown: readonly string[]
  /** Neither changed nor deleted once it is there. */
  readonly permanent?: true
  /** Comes after everything else, deletions too. */
  readonly last?: true
}

const stamps = ['id', 'created_at', 'updated_at']

export const applyKinds: readonly ApplyKind[] = [
  { section: 'tenants', noun: 'tenant', path: '/v1/tenants', key: 'slug', shown: [...stamps, 'issuer'], permanent: true },
  { section: 'trust_sources', noun: 'trust source', path: '/v1/trust-sources', key: 'name', shown: [...stamps, 'suspended_at'] },
  { section: 'resources', noun: 'resource', path: '/v1/resources', key: 'uri', shown: stamps },
  { section: 'agents', noun: 'agent', path: '/v1/agents', key: 'name', shown: [...stamps, 'client_id', 'suspended_at'] },
  {
    section: 'sign_in_providers',
    noun: 'sign-in provider',
    path: '/v1/sign-in-providers',
    key: 'name',
    shown: stamps,
    last: true,
  },
]

export type Section = ApplyKind['section']
export const ruleSection = 'two_person'
export const rulePath = '/v1/tenants/{id}/two-person'
export const sections: readonly string[] = [...applyKinds.map(({ section }) => section), ruleSection]

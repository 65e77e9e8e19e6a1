// Generated from the broker's OpenAPI document by `npm run client:generate`. Changes by hand are lost.

import type { ApiCallOptions, Pages } from './call.ts'

export type TrustSource =
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
      suspended_at?: string
      kind: 'openid'
      /** For people; unique among its kind in the tenant. */
      name: string
      /** A well-known kind of issuer: what is left out is taken from there, and rules must name whose workload it is. */
      preset?: 'github' | 'gitlab' | 'kubernetes'
      /** Exactly the `iss` of its tokens; https. Left out: the one of the preset, where it has one. */
      issuer?: string
      /** The only `aud` accepted; dedicated to this trust source. Left out: the tenant's own issuer. */
      audience?: string
      /** Where its keys are; left out: found by discovery. https. */
      jwks_uri?: string
      /**
       * @minItems 1
       * @maxItems 11
       */
      algorithms?: (
        'ES256' | 'ES384' | 'ES512' | 'PS256' | 'PS384' | 'PS512' | 'RS256' | 'RS384' | 'RS512' | 'EdDSA' | 'Ed25519'
      )[]
      /** Older tokens, by `iat`, are refused. */
      max_age_seconds?: number
      /** One certificate, PEM. */
      ca_pem?: string
      /** Whether it may send ID-JAGs: assertions that a user acts through an agent. */
      id_jag?: boolean
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
      suspended_at?: string
      kind: 'x509_ca'
      /** For people; unique among its kind in the tenant. */
      name: string
      /**
       * Authorities whose client certificates prove workloads.
       *
       * @minItems 1
       * @maxItems 16
       *
       * Items: One certificate, PEM.
       */
      anchors_pem: string[]
      /** Every certificate below an anchor must then be covered by a current list of its issuer. */
      crl?: {
        /**
         * @minItems 1
         * @maxItems 16
         *
         * Items: One X509 CRL, PEM.
         */
        pem?: string[]
        /** Where lists are fetched from, every five minutes: DER, or PEM with one or several; https. */
        url?: string
        /** One certificate, PEM. */
        ca_pem?: string
      }
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
      suspended_at?: string
      kind: 'spiffe'
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Without spiffe://; one trust source has it in a tenant. */
      trust_domain: string
      /** SPIFFE bundle: keys with use x509-svid and jwt-svid. This or bundle_url. */
      bundle?: {
        /** @maxItems 64 */
        keys: {
          [k: string]: unknown
        }[]
        [k: string]: unknown
      }
      /** Where the bundle is fetched from, and again as its spiffe_refresh_hint says; https. */
      bundle_url?: string
      /** One certificate, PEM. */
      ca_pem?: string
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
      suspended_at?: string
      kind: 'pinned'
      /** For people; unique among its kind in the tenant. */
      name: string
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
      suspended_at?: string
      kind: 'did'
      /** For people; unique among its kind in the tenant. */
      name: string
      /**
       * DID methods that are resolved.
       *
       * @minItems 1
       * @maxItems 2
       */
      methods: ('did:web' | 'did:key')[]
      /** One certificate, PEM. */
      ca_pem?: string
      /**
       * Who may vouch for a DID by a verifiable credential.
       *
       * @minItems 1
       * @maxItems 16
       */
      credential_issuers?: {
        /** Exactly the `issuer` of its credentials: an https URL or a DID. */
        issuer: string
        /** Where its keys are; left out: by discovery, or in the document of its DID. https. */
        jwks_uri?: string
      }[]
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
      suspended_at?: string
      kind: 'builtin_ca'
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Its certificates say spiffe://<trust domain>/agent/<agt_…>/<instance>. */
      trust_domain: string
    }
export type Connector =
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'postgres'
      config: {
        /** Host name in small letters, or an IP address. */
        host: string
        port?: number
        database: string
        user: string
        /** `off` only for addresses inside; else TLS, with the name checked. */
        tls?: 'verify' | 'off'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
        /** How accounts sign in. Cannot change. */
        auth?: 'password' | 'certificate'
        /** With certificates: the CA that they come from, made with the connector. The server must trust it (ssl_ca_file). */
        client_ca_pem?: string
        connection_limit?: number
        /**
         * Roles whose rights each account gets beside its own schema.
         *
         * @maxItems 16
         */
        member_of?: string[]
      }
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'redis'
      config: {
        /** Host name in small letters, or an IP address. */
        host: string
        port?: number
        user?: string
        /** `off` only for addresses inside; else TLS, with the name checked. */
        tls?: 'verify' | 'off'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
      }
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'webhook'
      config: {
        /** Where each step is sent to; https. */
        url: string
        signature?: 'hmac' | 'ed25519'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
      }
    }
export type AnyAccount =
  | Account
  | {
      id: string
      /** All that is left: its task stays refused until the retention ends. */
      state: 'reaped'
      ended_as: 'active' | 'completed' | 'expired' | 'revoked' | 'claimed' | 'closed' | 'held'
      /** RFC 3339, UTC. */
      reaped_at: string
      /** Where one account is shown: legal holds that last and cover it, who placed them, and when. Left out: none does. */
      legal_holds?: LegalHold[]
    }
export type TrustSourceInput =
  | {
      kind: 'openid'
      /** For people; unique among its kind in the tenant. */
      name: string
      /** A well-known kind of issuer: what is left out is taken from there, and rules must name whose workload it is. */
      preset?: 'github' | 'gitlab' | 'kubernetes'
      /** Exactly the `iss` of its tokens; https. Left out: the one of the preset, where it has one. */
      issuer?: string
      /** The only `aud` accepted; dedicated to this trust source. Left out: the tenant's own issuer. */
      audience?: string
      /** Where its keys are; left out: found by discovery. https. */
      jwks_uri?: string
      /**
       * @minItems 1
       * @maxItems 11
       */
      algorithms?: (
        'ES256' | 'ES384' | 'ES512' | 'PS256' | 'PS384' | 'PS512' | 'RS256' | 'RS384' | 'RS512' | 'EdDSA' | 'Ed25519'
      )[]
      /** Older tokens, by `iat`, are refused. */
      max_age_seconds?: number
      /** One certificate, PEM. */
      ca_pem?: string
      /** Whether it may send ID-JAGs: assertions that a user acts through an agent. */
      id_jag?: boolean
    }
  | {
      kind: 'x509_ca'
      /** For people; unique among its kind in the tenant. */
      name: string
      /**
       * Authorities whose client certificates prove workloads.
       *
       * @minItems 1
       * @maxItems 16
       *
       * Items: One certificate, PEM.
       */
      anchors_pem: string[]
      /** Every certificate below an anchor must then be covered by a current list of its issuer. */
      crl?: {
        /**
         * @minItems 1
         * @maxItems 16
         *
         * Items: One X509 CRL, PEM.
         */
        pem?: string[]
        /** Where lists are fetched from, every five minutes: DER, or PEM with one or several; https. */
        url?: string
        /** One certificate, PEM. */
        ca_pem?: string
      }
    }
  | {
      kind: 'spiffe'
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Without spiffe://; one trust source has it in a tenant. */
      trust_domain: string
      /** SPIFFE bundle: keys with use x509-svid and jwt-svid. This or bundle_url. */
      bundle?: {
        /** @maxItems 64 */
        keys: {
          [k: string]: unknown
        }[]
        [k: string]: unknown
      }
      /** Where the bundle is fetched from, and again as its spiffe_refresh_hint says; https. */
      bundle_url?: string
      /** One certificate, PEM. */
      ca_pem?: string
    }
  | {
      kind: 'pinned'
      /** For people; unique among its kind in the tenant. */
      name: string
    }
  | {
      kind: 'did'
      /** For people; unique among its kind in the tenant. */
      name: string
      /**
       * DID methods that are resolved.
       *
       * @minItems 1
       * @maxItems 2
       */
      methods: ('did:web' | 'did:key')[]
      /** One certificate, PEM. */
      ca_pem?: string
      /**
       * Who may vouch for a DID by a verifiable credential.
       *
       * @minItems 1
       * @maxItems 16
       */
      credential_issuers?: {
        /** Exactly the `issuer` of its credentials: an https URL or a DID. */
        issuer: string
        /** Where its keys are; left out: by discovery, or in the document of its DID. https. */
        jwks_uri?: string
      }[]
    }
export type ConnectorInput =
  | {
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'postgres'
      config: {
        /** Host name in small letters, or an IP address. */
        host: string
        port?: number
        database: string
        user: string
        /** `off` only for addresses inside; else TLS, with the name checked. */
        tls?: 'verify' | 'off'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
        /** How accounts sign in. Cannot change. */
        auth?: 'password' | 'certificate'
        /** With certificates: the CA that they come from, made with the connector. The server must trust it (ssl_ca_file). */
        client_ca_pem?: string
        connection_limit?: number
        /**
         * Roles whose rights each account gets beside its own schema.
         *
         * @maxItems 16
         */
        member_of?: string[]
      }
      admin?: {
        password: string
      }
    }
  | {
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'redis'
      config: {
        /** Host name in small letters, or an IP address. */
        host: string
        port?: number
        user?: string
        /** `off` only for addresses inside; else TLS, with the name checked. */
        tls?: 'verify' | 'off'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
      }
      admin?: {
        password: string
      }
    }
  | {
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'webhook'
      config: {
        /** Where each step is sent to; https. */
        url: string
        signature?: 'hmac' | 'ed25519'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
      }
      admin?: {
        password: string
      }
    }
export type CreatedConnector =
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'postgres'
      config: {
        /** Host name in small letters, or an IP address. */
        host: string
        port?: number
        database: string
        user: string
        /** `off` only for addresses inside; else TLS, with the name checked. */
        tls?: 'verify' | 'off'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
        /** How accounts sign in. Cannot change. */
        auth?: 'password' | 'certificate'
        /** With certificates: the CA that they come from, made with the connector. The server must trust it (ssl_ca_file). */
        client_ca_pem?: string
        connection_limit?: number
        /**
         * Roles whose rights each account gets beside its own schema.
         *
         * @maxItems 16
         */
        member_of?: string[]
      }
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'redis'
      config: {
        /** Host name in small letters, or an IP address. */
        host: string
        port?: number
        user?: string
        /** `off` only for addresses inside; else TLS, with the name checked. */
        tls?: 'verify' | 'off'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
      }
    }
  | {
      id: string
      /** RFC 3339, UTC. */
      created_at: string
      /** RFC 3339, UTC. */
      updated_at: string
      /** For people; unique among its kind in the tenant. */
      name: string
      /** Accounts whose ceiling has this scope may attach it: give it to agents in their registration. */
      scope: string
      data?: {
        /** How long the data stays after the account has ended, with access for nobody; 0: destroyed at once. */
        keep_seconds?: number
      }
      kind: 'webhook'
      config: {
        /** Where each step is sent to; https. */
        url: string
        signature?: 'hmac' | 'ed25519'
        /** PEM of the CA that its certificate comes from; left out: the public ones. */
        ca_pem?: string
      }
      /** Of a webhook: what its calls are signed with, or with Ed25519 the public key. Shown this once. */
      signing_secret?: string
    }

export interface Tenant {
  id: string
  /** Stands in the tenant's issuer: /t/<slug>. */
  slug: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** The `iss` of its tokens. */
  issuer: string
  /** RFC 3339, UTC. */
  created_at: string
}
export interface Usage {
  day?: string
  tenant?: string
  /** null: what can be put down to none. */
  agent?: string | null
  account?: string | null
  opened: number
  tokens: number
  denials: number
  calls_allowed: number
  calls_refused: number
  units: number
}
export interface Agent {
  id: string
  client_id: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
  /** Since when it gets nothing new, until it is reinstated. RFC 3339, UTC. */
  suspended_at?: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Who answers for this agent. */
  owner: string
  /** When its registration is to be looked at again. */
  review_on: string
  /**
   * None: only who enrolled is this agent.
   *
   * @maxItems 32
   */
  rules: {
    trust_source: string
    /** For an OpenID issuer: claim → pattern. `sub` is required, save where only ID-JAGs are meant. */
    claims?: {
      /** Anchored pattern; `*` is one segment, `**` the rest. */
      [k: string]: string
    }
    /** For a certificate authority: pattern over the one URI name. */
    san_uri?: string
    /** For a certificate authority: pattern over the one DNS name. */
    san_dns?: string
    /** For a certificate authority: the one IP address. */
    san_ip?: string
    /** For a certificate authority: the one email address. */
    san_email?: string
    /** For a certificate authority: the subject, RFC 4514. */
    subject_dn?: string
    /** For a SPIFFE trust domain: pattern over the whole ID. */
    spiffe_id?: string
    /** For pinned keys: x5t#S256 of a self-signed client certificate. */
    certificate_thumbprint?: string
    /** For pinned keys: public JWK, for private_key_jwt and DPoP. */
    jwk?: {
      kty: 'EC' | 'OKP' | 'RSA'
      [k: string]: unknown
    }
    /** For DIDs: pattern over the whole identifier. */
    did?: string
    /** For DIDs: a type that the credential of a configured issuer must have. */
    credential_type?: string
  }[]
  ceiling: {
    /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
    scope?: string
    /**
     * RFC 9396 entries; each type publishes its schema.
     *
     * @maxItems 64
     */
    authorization_details?: {
      type: string
      [k: string]: unknown
    }[]
  }
  settings: {
    binding?: 'pop' | 'bearer'
    /**
     * Claims that tell instances of this agent apart.
     *
     * @maxItems 8
     */
    instance_claims?: string[]
    /**
     * Claims from which a task id is derived when the caller names none.
     *
     * @maxItems 8
     */
    task_claims?: string[]
    may_open?: boolean
    /** Longest life of an account. */
    account_ttl_seconds?: number
    /** Longest life of a token. */
    token_ttl_seconds?: number
    /** How long an account may live in all, extensions included; left out: account_ttl_seconds. */
    longest_account_seconds?: number
    /** How deep below an account of this agent sub-agents may be given accounts; 0: not at all. */
    max_depth?: number
    /** Whether a token of a trust source is enough to get a certificate of the built-in CA. */
    may_enroll?: boolean
    /** Life of such a certificate. */
    certificate_ttl_seconds?: number
    /** Who may claim its accounts: every member that is given must fit. Left out: nobody. */
    claimable_by?: {
      /**
       * Through one of these.
       *
       * @minItems 1
       * @maxItems 16
       */
      providers?: string[]
      /**
       * In one of these there.
       *
       * @minItems 1
       * @maxItems 64
       *
       * Items: Compared byte for byte.
       */
      groups?: string[]
      /**
       * One of these people.
       *
       * @minItems 1
       * @maxItems 64
       */
      subjects?: {
        /** Exactly the `iss`. */
        issuer: string
        subject: string
      }[]
    }
    limits?: {
      /** Accounts of one agent that are live at the same time. */
      agent_live_accounts?: number | null
      /** Accounts that one agent opens. */
      agent_opens_per_minute?: number | null
      /** Tokens that one agent is issued. */
      agent_tokens_per_minute?: number | null
      /** Units that one agent spends. */
      agent_units_per_minute?: number | null
      /** Tokens that one account is ever issued. */
      account_tokens?: number | null
      /** Units that one account may ever spend: what its tokens cost by their resources. */
      account_spend_units?: number | null
    }
    default_permission?: {
      /** RFC 8707. */
      resource: string
      /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
      scope?: string
      /**
       * RFC 9396 entries; each type publishes its schema.
       *
       * @maxItems 64
       */
      authorization_details?: {
        type: string
        [k: string]: unknown
      }[]
    }
  }
}
export interface AgentJoinToken {
  id: string
  agent: string
  /** For people: where it goes. */
  note?: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** RFC 3339, UTC. Missing: nobody used it. */
  used_at?: string
  /** Who came by it. */
  instance?: {
    /** Last segment of its SPIFFE ID. */
    name: string
    /** RFC 3339, UTC. */
    renewed_at: string
    /** End of its last certificate. RFC 3339, UTC. */
    not_after: string
  }
}
export interface Resource {
  id: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
  /** RFC 8707 resource URI, compared byte for byte; the `aud` of its tokens. One owner in the whole deployment. */
  uri: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** @maxItems 64 */
  scopes?: {
    name: string
    /** For those who approve it. */
    description: string
  }[]
  /** @maxItems 16 */
  details_types?: ('agent_http' | 'agent_row' | 'agent_tool')[]
  risk_class?: 'low' | 'medium' | 'high'
  max_ttl_seconds?: number
  replay?: 'pop' | 'once' | 'challenge'
  alg?: 'ES256' | 'RS256'
  /**
   * What its verifier really checks. A grant that needs another control is refused.
   *
   * @maxItems 3
   */
  enforces?: ('cnf' | 'rar' | 'feed')[]
  /** `pop`: key-bound tokens only. */
  proof?: 'pop' | 'any'
  /** Spend units that each of its tokens costs. */
  token_units?: number
  /** Its tokens say in which Token Status List they stand, for verifiers that cannot read the feed. */
  status_list?: boolean
  /** Who issues its access tokens, where that is not Mayfly: agents get an ID-JAG for it. */
  authorization_server?: {
    /** Its issuer (RFC 8414): the `audience` by which an ID-JAG is asked for. */
    issuer: string
  }
}
export interface ResourceCredential {
  id: string
  resource: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
}
export interface Account {
  id: string
  agent: string
  task_id: string
  state: 'active' | 'completed' | 'expired' | 'revoked' | 'claimed' | 'closed' | 'held'
  /** Whether its agent can get tokens in it now: also what it descends from must live. */
  live: boolean
  /** Tokens of lower ones are dead. */
  generation: number
  /** RFC 3339, UTC. */
  opened_at: string
  /** null: it is claimed and has no deadline. */
  expires_at: string | null
  /** What it may ever be granted. */
  permissions: {
    /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
    scope?: string
    /**
     * RFC 9396 entries; each type publishes its schema.
     *
     * @maxItems 64
     */
    authorization_details?: {
      type: string
      [k: string]: unknown
    }[]
  }
  /** null: a root account. */
  parent: string | null
  root: string
  /** 0: a root account. */
  depth: number
  /** RFC 3339, UTC. */
  claimed_at?: string
  /** When whoever claimed it is to look at it again. */
  review_on?: string
  /** Where one account is shown: legal holds that last and cover it, who placed them, and when. Left out: none does. */
  legal_holds?: LegalHold[]
}
export interface LegalHold {
  id: string
  matter: string
  /** tenant: everything of the tenant. */
  covers: 'tenant' | 'account' | 'agent' | 'person'
  /** The account, agent or person. */
  target?: string
  placed_by: string
  /** RFC 3339, UTC. */
  placed_at: string
  lifted_by?: string
  /** RFC 3339, UTC. */
  lifted_at?: string
}
export interface AccountAttachment {
  id: string
  account: string
  connector: string
  connector_name: string | null
  kind: ('postgres' | 'redis' | 'webhook') | null
  /** active: its holder has access. locked: nobody has; ask again. tearing_down: being taken down. kept: nobody has access, the data is kept for a while. torn_down: gone. */
  state: 'making' | 'active' | 'renewing' | 'locking' | 'locked' | 'tearing_down' | 'kept' | 'torn_down'
  /** Counts its credentials. */
  rotation: number
  /** It failed so often that somebody must look at it; it is tried hourly. */
  parked: boolean
  /** Why the last attempt failed. */
  failure: string | null
  /** RFC 3339, UTC. */
  created_at: string
  ended_at: string | null
  ended_by: string | null
  destroyed:
    | {
        what: string
        count: number
        bytes?: number
      }[]
    | null
  /** Hash of the leaf of the log that says so. */
  receipt: string | null
}
export interface Webhook {
  id: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Where messages are sent to; https. */
  url: string
  events: string[]
  /** The tenant's log as it grows, in its order. */
  audit?: {
    /**
     * token.issued, or all below a word: token.*; all when nothing is said.
     *
     * @minItems 1
     * @maxItems 64
     */
    types?: string[]
    /** Only what was decided so. */
    decision?: 'allow' | 'deny' | 'defer'
    /** A reason code, or its beginning: scope* */
    reason?: string
    agent?: string
    account?: string
    /** Where it begins; read once, when it does. */
    begin?: 'now' | 'start'
    /** Whether the exact leaf is sent with each entry. */
    leaf?: boolean
    /** entry unless it says so. ocsf: each entry as an event of schema.ocsf.io, with the exact leaf as its raw_data. */
    format?: 'entry' | 'ocsf'
  }
  /** Standard Webhooks v1 or v1a. */
  signature?: 'hmac' | 'ed25519'
  /** PEM of the CA that its certificate comes from; left out: the public ones. */
  ca_pem?: string
  /** With ed25519: whpk_ and base64. */
  public_key?: string
  /** In a row, up to now. */
  failures: number
}
export interface WebhookMessage {
  id: string
  type: string
  state: 'waiting' | 'delivered' | 'parked'
  attempts: number
  status: number | null
  failure: string | null
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  due_at: string
  settled_at: string | null
}
export interface Audit {
  /** Place in the log, from 0. */
  position: number
  /** uuid */
  id: string
  /** RFC 3339, UTC. */
  time: string
  /** docs/events.md lists them. */
  type: string
  /** Missing where nothing is decided, and of a guard’s report whose facts retention has dropped: it said which. */
  decision?: 'allow' | 'deny' | 'defer'
  /** Code of ours. */
  reason?: string
  tenant?: string
  agent?: string
  account?: string
  /** jti */
  token?: string
  actor: {
    kind: 'person' | 'operator' | 'agent' | 'system'
    id?: string
    credential?: string
    role?: string
  }
  /** null: retention has dropped them. */
  facts: {
    [k: string]: unknown
  } | null
  /** Whether part of it is sealed under a subject’s key. */
  sealed: boolean
  /** With private=open. null: it was erased. */
  private?: {
    [k: string]: unknown
  } | null
  /** base64url of the leaf’s hash; of a token its evt claim. */
  receipt: string
}
export interface Receiver {
  id: string
  /** For people; unique among its kind in the tenant. */
  name: string
  audience: string
  /** PEM of the CA that its certificate comes from; left out: the public ones. */
  ca_pem?: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
}
export interface SsfStream {
  id: string
  receiver: string
  receiver_name: string
  delivery: 'push' | 'poll'
  endpoint_url?: string
  description?: string
  status: 'enabled' | 'paused' | 'disabled'
  status_reason?: string
  /** Of the feed: everything up to it was taken, set aside, or not asked for. */
  epoch: number
  /** How many epochs the feed is ahead of that. */
  behind: number
  waiting_since: string | null
  taken_at: string | null
  /** In a row, up to now. */
  failures: number
  failure: string | null
  failure_status: number | null
  /** RFC 3339, UTC. */
  retry_at?: string
  dead_letters: number
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
}
export interface SsfStreamDeadLetter {
  id: string
  epoch: number
  revocation: string
  subject: string
  err: string
  description: string | null
  /** It is being sent again. */
  due: boolean
  /** RFC 3339, UTC. */
  at: string
}
export interface Key {
  id: string
  /** As in the header of what it signed and in the key set. */
  kid: string
  use: 'signing' | 'ca'
  alg: string
  /** `next` and `retiring` are published and do not sign; `retired` is neither published nor there any more. */
  state: 'next' | 'active' | 'retiring' | 'retired'
  /** RFC 3339, UTC. */
  created_at: string
  /** When it came into this state. RFC 3339, UTC. */
  since: string
  /** What happens without your doing. Missing for a retired key. */
  next_step?: {
    step: 'publish_successor' | 'activate' | 'stop_signing' | 'retire'
    /** RFC 3339, UTC. */
    at: string
  }
}
export interface Revocation {
  id: string
  /** What was revoked. tree: an account with all below it. */
  kind: 'account' | 'tree' | 'token' | 'agent' | 'key' | 'tenant' | 'trust_source'
  /** What tokens call it, or the trust source. */
  subject: string
  /** What it came of: complete, revoke, close, claim, suspend, narrow; or what was revoked. */
  cause: string
  /** Who did it: ids and words of ours. */
  by: {
    [k: string]: unknown
  } | null
  /** RFC 3339, UTC. */
  at: string
  /** Of its first entry in the feed; null: no token could be out that it would concern. */
  from_epoch: number | null
  /** Who has come this far refuses all of it. */
  to_epoch: number | null
  /** With those of accounts that ended because of it. */
  entries_total: number
}
export interface Erasure {
  id: string
  /** erasing: its keys are destroyed; what they had sealed is being deleted from the log. */
  status: 'erasing' | 'erased'
  /** RFC 3339, UTC. */
  asked_at: string
  /** RFC 3339, UTC. */
  erased_at?: string
  /** Keys that were destroyed. */
  keys: number
  /** Whose names were taken away. */
  people: string[]
  /** Bodies of the log that were deleted so far. Their leaves stay. */
  bodies: number
  /** Somebody must name another owner. */
  agents_without_owner: string[]
  /** Written down outside the database, so that a backup brings nobody back. */
  in_ledger: boolean
  /** It was done again after a restore. */
  after_restore: boolean
  /** Accounts that it had opened and that go on until somebody ends them; 200 at most. */
  living_accounts?: string[]
}
export interface Operator {
  id: string
  name: string
  role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
  tenant?: string
  owner?: {
    id: string
    issuer: string
    subject: string
    name?: string
  }
  /** The credential that made it, which may have ended since. */
  made_by?: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** RFC 3339, UTC, to the hour. Missing: never. */
  last_used_at?: string
}
export interface SignInProvider {
  id: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Exactly the `iss` of its ID tokens; https. Its keys are found by discovery. */
  issuer: string
  /** Mayfly as that provider knows it: a public client with PKCE, and loopback redirects for the command line. */
  client_id: string
  /** The console's client there, where that is another one: a web client that comes back to `<issuer of the tenant>/console/callback`. */
  console_client_id?: string
  /** The only `aud` accepted, where it is not the client id; `azp` must then be the client id. */
  audience?: string
  /**
   * What clients ask for; some providers send groups only when a scope says so.
   *
   * @minItems 1
   * @maxItems 16
   *
   * Items: RFC 6749 § 3.3.
   */
  scopes?: string[]
  /** Claim of the ID token that holds the groups: a list of texts, or one. Dots lead into nested claims. */
  groups_claim: string
  /**
   * The first rule whose group the person has gives the role. No match, no session.
   *
   * @minItems 1
   * @maxItems 64
   */
  rules: {
    /** Compared byte for byte. */
    group: string
    role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
  }[]
  /** Life of a session. */
  session_ttl_seconds?: number
  /** PEM of the CA that the provider's own HTTPS certificate comes from; left out: the public ones. */
  ca_pem?: string
}
export interface Person {
  id: string
  issuer: string
  subject: string
  name?: string
  email?: string
  /** RFC 3339, UTC. */
  first_seen_at: string
  /** RFC 3339, UTC. */
  last_seen_at: string
}
export interface Change {
  id: string
  status: 'waiting' | 'approved' | 'applied' | 'rejected' | 'withdrawn' | 'expired'
  class: string
  method: string
  path: string
  /** As it was sent. */
  body?: {
    [k: string]: unknown
  }
  /** How it would be, or is since; missing: nothing would be left. */
  after?: {
    [k: string]: unknown
  }
  differences: {
    op: 'add' | 'remove' | 'replace'
    /** RFC 6901; empty: the whole of it. */
    path: string
    /** What stands there now. */
    was?: {
      [k: string]: unknown
    }
    /** What would. */
    value?: {
      [k: string]: unknown
    }
  }[]
  /** While it waits: what it is about has changed since, so that it cannot be approved any more. */
  stale?: boolean
  proposed_by: {
    credential: string
    role?: string
    person?: {
      id: string
      issuer: string
      subject: string
      name?: string
    }
  }
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  decided_by?: {
    credential: string
    role?: string
    person?: {
      id: string
      issuer: string
      subject: string
      name?: string
    }
  }
  /** RFC 3339, UTC. */
  decided_at?: string
  break_glass_reason?: string
}
export interface OwnAccountChild {
  id: string
  agent: string
  task_id: string
  /** As it was ended itself; it also ends with what it descends from. */
  state: 'active' | 'completed' | 'expired' | 'revoked' | 'claimed' | 'closed' | 'held'
  /** RFC 3339, UTC. */
  opened_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  depth: number
  max_depth: number
}
export interface TenantLimit {
  limits: {
    /** Accounts of a tenant that are live at the same time. */
    tenant_live_accounts?: number | null
    /** Accounts that a tenant opens. */
    tenant_opens_per_minute?: number | null
    /** Tokens that a tenant is issued. */
    tenant_tokens_per_minute?: number | null
    /** Accounts of one agent that are live at the same time. */
    agent_live_accounts?: number | null
    /** Accounts that one agent opens. */
    agent_opens_per_minute?: number | null
    /** Tokens that one agent is issued. */
    agent_tokens_per_minute?: number | null
    /** Units that a tenant spends. */
    tenant_units_per_minute?: number | null
    /** Units that one agent spends. */
    agent_units_per_minute?: number | null
    /** Live children that one account has. */
    parent_live_accounts?: number | null
    /** Children that one account opens. */
    parent_opens_per_minute?: number | null
    /** Tokens that the children of one account are issued, together. */
    parent_tokens_per_minute?: number | null
    /** Units that the children of one account spend, together. */
    parent_units_per_minute?: number | null
    /** Accounts of a tenant that are live and were opened from one address (IPv6: one /64). */
    address_live_accounts?: number | null
    /** Accounts of a tenant that are opened from one address (IPv6: one /64). */
    address_opens_per_minute?: number | null
    /** Tokens of a tenant that are issued to one address (IPv6: one /64). */
    address_tokens_per_minute?: number | null
    /** Units of a tenant that are spent from one address (IPv6: one /64). */
    address_units_per_minute?: number | null
    /** Accounts of strangers that are live at the same time. */
    anonymous_live_accounts?: number | null
    /** Accounts that strangers open. */
    anonymous_opens_per_minute?: number | null
    /** Accounts that strangers open from one address (IPv6: one /64). */
    anonymous_address_opens_per_minute?: number | null
    /** Tokens that strangers are issued, together. */
    anonymous_tokens_per_minute?: number | null
    /** Tokens that strangers at one address are issued (IPv6: one /64). */
    anonymous_address_tokens_per_minute?: number | null
    /** Tokens that one account is ever issued. */
    account_tokens?: number | null
    /** Units that one account may ever spend: what its tokens cost by their resources. */
    account_spend_units?: number | null
  }
  /** What a platform-admin has said. */
  granted: {
    /** Accounts of a tenant that are live at the same time. */
    tenant_live_accounts?: number | null
    /** Accounts that a tenant opens. */
    tenant_opens_per_minute?: number | null
    /** Tokens that a tenant is issued. */
    tenant_tokens_per_minute?: number | null
    /** Accounts of one agent that are live at the same time. */
    agent_live_accounts?: number | null
    /** Accounts that one agent opens. */
    agent_opens_per_minute?: number | null
    /** Tokens that one agent is issued. */
    agent_tokens_per_minute?: number | null
    /** Units that a tenant spends. */
    tenant_units_per_minute?: number | null
    /** Units that one agent spends. */
    agent_units_per_minute?: number | null
    /** Live children that one account has. */
    parent_live_accounts?: number | null
    /** Children that one account opens. */
    parent_opens_per_minute?: number | null
    /** Tokens that the children of one account are issued, together. */
    parent_tokens_per_minute?: number | null
    /** Units that the children of one account spend, together. */
    parent_units_per_minute?: number | null
    /** Accounts of a tenant that are live and were opened from one address (IPv6: one /64). */
    address_live_accounts?: number | null
    /** Accounts of a tenant that are opened from one address (IPv6: one /64). */
    address_opens_per_minute?: number | null
    /** Tokens of a tenant that are issued to one address (IPv6: one /64). */
    address_tokens_per_minute?: number | null
    /** Units of a tenant that are spent from one address (IPv6: one /64). */
    address_units_per_minute?: number | null
    /** Accounts of strangers that are live at the same time. */
    anonymous_live_accounts?: number | null
    /** Accounts that strangers open. */
    anonymous_opens_per_minute?: number | null
    /** Accounts that strangers open from one address (IPv6: one /64). */
    anonymous_address_opens_per_minute?: number | null
    /** Tokens that strangers are issued, together. */
    anonymous_tokens_per_minute?: number | null
    /** Tokens that strangers at one address are issued (IPv6: one /64). */
    anonymous_address_tokens_per_minute?: number | null
    /** Tokens that one account is ever issued. */
    account_tokens?: number | null
    /** Units that one account may ever spend: what its tokens cost by their resources. */
    account_spend_units?: number | null
  }
  /** What the tenant has said; it can only set less. */
  own: {
    /** Accounts of a tenant that are live at the same time. */
    tenant_live_accounts?: number | null
    /** Accounts that a tenant opens. */
    tenant_opens_per_minute?: number | null
    /** Tokens that a tenant is issued. */
    tenant_tokens_per_minute?: number | null
    /** Accounts of one agent that are live at the same time. */
    agent_live_accounts?: number | null
    /** Accounts that one agent opens. */
    agent_opens_per_minute?: number | null
    /** Tokens that one agent is issued. */
    agent_tokens_per_minute?: number | null
    /** Units that a tenant spends. */
    tenant_units_per_minute?: number | null
    /** Units that one agent spends. */
    agent_units_per_minute?: number | null
    /** Live children that one account has. */
    parent_live_accounts?: number | null
    /** Children that one account opens. */
    parent_opens_per_minute?: number | null
    /** Tokens that the children of one account are issued, together. */
    parent_tokens_per_minute?: number | null
    /** Units that the children of one account spend, together. */
    parent_units_per_minute?: number | null
    /** Accounts of a tenant that are live and were opened from one address (IPv6: one /64). */
    address_live_accounts?: number | null
    /** Accounts of a tenant that are opened from one address (IPv6: one /64). */
    address_opens_per_minute?: number | null
    /** Tokens of a tenant that are issued to one address (IPv6: one /64). */
    address_tokens_per_minute?: number | null
    /** Units of a tenant that are spent from one address (IPv6: one /64). */
    address_units_per_minute?: number | null
    /** Accounts of strangers that are live at the same time. */
    anonymous_live_accounts?: number | null
    /** Accounts that strangers open. */
    anonymous_opens_per_minute?: number | null
    /** Accounts that strangers open from one address (IPv6: one /64). */
    anonymous_address_opens_per_minute?: number | null
    /** Tokens that strangers are issued, together. */
    anonymous_tokens_per_minute?: number | null
    /** Tokens that strangers at one address are issued (IPv6: one /64). */
    anonymous_address_tokens_per_minute?: number | null
    /** Tokens that one account is ever issued. */
    account_tokens?: number | null
    /** Units that one account may ever spend: what its tokens cost by their resources. */
    account_spend_units?: number | null
  }
}
export interface TenantAnonymous {
  /** Whose accounts strangers get: without rules, with a tiny ceiling. */
  agent: string
}
export interface WebhookAudit {
  webhook: string
  state: 'current' | 'behind' | 'failing' | 'parked'
  /** The next entry that it has neither taken nor does not want. */
  position: number
  /** Of the log. */
  size: number
  /** Entries between the two, other tenants’ included. */
  behind: number
  taken_at: string | null
  /** In a row, up to now. */
  failures: number
  failure: string | null
  status: number | null
  next_try_at: string | null
}
export interface KeyRewrap {
  /** The key-encryption key that seals now. */
  current: string
  /** `running` waits for a worker that was given the same current key, and looks once a minute. */
  state: 'idle' | 'running' | 'finished'
  /** RFC 3339, UTC. */
  requested_at?: string
  /** RFC 3339, UTC. */
  finished_at?: string
  /** Keys sealed anew by this order so far. */
  rewrapped: number
  /** Keys sealed under any other key than the current one. 0: the others may be taken away. */
  remaining: number
  sealed: {
    key: string
    /** Whether this broker was given it. */
    known: boolean
    /** Which keys. */
    of: string
    count: number
  }[]
}
export interface AnyRevocation {
  id: string
  /** What was revoked. tree: an account with all below it. */
  kind: 'account' | 'tree' | 'token' | 'agent' | 'key' | 'tenant' | 'trust_source'
  /** What tokens call it, or the trust source. */
  subject: string
  /** What it came of: complete, revoke, close, claim, suspend, narrow; or what was revoked. */
  cause: string
  /** Who did it: ids and words of ours. */
  by: {
    [k: string]: unknown
  } | null
  /** RFC 3339, UTC. */
  at: string
  /** Of its first entry in the feed; null: no token could be out that it would concern. */
  from_epoch: number | null
  /** Who has come this far refuses all of it. */
  to_epoch: number | null
  /** With those of accounts that ended because of it. */
  entries_total: number
  /** Accounts that end because of it, in the background. Their tokens are dead from the start. */
  accounts?: {
    ended: number
    finished: boolean
  }
  /** The first 200. */
  entries: {
    epoch: number
    kind: 'account' | 'tree' | 'token' | 'agent' | 'key' | 'tenant'
    subject: string
    /** The least gen or cfg that is still good; null: none is. */
    least: number | null
    /** When the last token that it could be about has ended. RFC 3339, UTC. */
    until: string
  }[]
  /** Guards that were there when it was revoked and were heard of in the last minute, and streams. */
  receivers: {
    acknowledged: {
      name: string
      /** One process of a guard, or a stream of security events. */
      instance: string
      /** The RFC 8707 URI that it guards; left out for a stream. */
      resource?: string
      /** RFC 3339, UTC. */
      at: string
      /** Since the commit of the revocation. */
      ms: number
    }[]
    waiting: {
      name: string
      /** One process of a guard, or a stream of security events. */
      instance: string
      /** The RFC 8707 URI that it guards; left out for a stream. */
      resource?: string
      /** Its last sign of life. */
      seen_at: string | null
    }[]
  }
}
export interface TenantRetention {
  /** What holds: how long bodies stay. Leaves stay for ever. */
  months: {
    /** Who changed what, who let it pass, what was revoked. Months. */
    security: number
    /** The life of accounts and their tokens. Months. */
    standard: number
    /** What comes in masses: decisions that guards report. Months. */
    short: number
  }
  /** What the tenant has said. */
  own: {
    /** Who changed what, who let it pass, what was revoked. Months. */
    security?: number
    /** The life of accounts and their tokens. Months. */
    standard?: number
    /** What comes in masses: decisions that guards report. Months. */
    short?: number
  }
}
export interface TenantTwoPerson {
  /**
   * trust: trust sources. ceilings: agents, resources. keys: signing keys. operators: tokens. audit: erasing, retention, lifting a hold. None: one person is enough.
   *
   * @maxItems 5
   */
  classes: ('trust' | 'ceilings' | 'keys' | 'operators' | 'audit')[]
}
export interface OwnAccount {
  id: string
  state: 'active' | 'completed' | 'expired' | 'revoked' | 'claimed' | 'closed' | 'held'
  agent: string
  task_id: string
  /** RFC 3339, UTC. */
  opened_at: string
  /** null: it is claimed and has no deadline. */
  expires_at: string | null
  /** The latest end that it may get. */
  extendable_to: string | null
  /** null: a root account. */
  parent: string | null
  root: string
  depth: number
  max_depth: number
}
export interface EnrollInput {
  /** PKCS #10, PEM. Only its key counts: leave subject and names out. */
  csr: string
  /** mfj_…, as an operator made it. */
  join_token?: string
  /** A token of a trust source, for agents whose registration says may_enroll. */
  subject_token?: string
  /** With a join token: what the instance is to be called. Its SPIFFE ID ends in it and the token’s id. */
  instance?: string
}
export interface EnrollAnswer {
  /** The certificate. */
  certificate_pem: string
  /** What to present in TLS: the certificate, and what stands between it and the CA. */
  chain_pem: string
  /** Certificates of the CA: that of today, the one before, the one to come. */
  ca_pem: string
  spiffe_id: string
  agent: string
  /** RFC 3339, UTC. */
  not_after: string
  /** Half of its life: renew then. RFC 3339, UTC. */
  renew_after: string
}
export interface ConsumeInput {
  /** The token's jti. */
  token_id: string
  nonce: string
  /** The token's exp, seconds since the epoch. */
  exp: number
}
export interface ConsumeAnswer {
  consumed: true
}
export interface DecisionsInput {
  /**
   * @minItems 1
   * @maxItems 200
   */
  decisions: {
    /** Milliseconds since the epoch on the guard’s clock. */
    time: number
    outcome: 'allow' | 'deny'
    reason: string
    jti?: string
    account_id?: string
    method?: string
    path_hash?: string
    count?: number
    /** What the call cost, in spend units. */
    units?: number
  }[]
}
export interface DecisionsAnswer {
  /** How many decisions are now in the log. */
  accepted: number
}
export interface FeedSnapshotAnswer {
  /** An epoch means something only within its shard. */
  shard: string
  epoch: number
  /** The database's clock, milliseconds since the epoch. */
  time: number
  /** <kind><match>.<least>.<until>; docs/reference/feed.md. */
  entries: string[]
}
export interface FeedAcknowledgementsInput {
  /** What operators call it. */
  guard: string
  /** Of this process; made up when it starts. */
  instance: string
  /** An epoch means something only within its shard. */
  shard: string
  epoch: number
  /** It ends. Who revokes need not wait for it any more. */
  leaving?: boolean
}
export interface ClaimStatusInput {
  /** Of `claim_uri`, behind #. */
  secret: string
}
export interface ClaimStatusAnswer {
  status: 'pending' | 'claimed'
  /** RFC 3339, UTC. */
  expires_at?: string
  /** RFC 3339, UTC. */
  claimed_at?: string
}
export interface BootstrapInput {
  tenant: {
    /** Stands in the tenant's issuer: /t/<slug>. */
    slug: string
    /** For people; unique among its kind in the tenant. */
    name: string
  }
}
export interface BootstrapAnswer {
  tenant: Tenant
  operators: {
    id: string
    role: 'platform-admin' | 'tenant-admin'
    /** Shown this once. */
    token: string
    /** RFC 3339, UTC. */
    expires_at: string
  }[]
}
export interface TenantInput {
  /** Stands in the tenant's issuer: /t/<slug>. */
  slug: string
  /** For people; unique among its kind in the tenant. */
  name: string
}
export interface TenantLimitInput {
  limits: {
    /** Accounts of a tenant that are live at the same time. */
    tenant_live_accounts?: number | null
    /** Accounts that a tenant opens. */
    tenant_opens_per_minute?: number | null
    /** Tokens that a tenant is issued. */
    tenant_tokens_per_minute?: number | null
    /** Accounts of one agent that are live at the same time. */
    agent_live_accounts?: number | null
    /** Accounts that one agent opens. */
    agent_opens_per_minute?: number | null
    /** Tokens that one agent is issued. */
    agent_tokens_per_minute?: number | null
    /** Units that a tenant spends. */
    tenant_units_per_minute?: number | null
    /** Units that one agent spends. */
    agent_units_per_minute?: number | null
    /** Live children that one account has. */
    parent_live_accounts?: number | null
    /** Children that one account opens. */
    parent_opens_per_minute?: number | null
    /** Tokens that the children of one account are issued, together. */
    parent_tokens_per_minute?: number | null
    /** Units that the children of one account spend, together. */
    parent_units_per_minute?: number | null
    /** Accounts of a tenant that are live and were opened from one address (IPv6: one /64). */
    address_live_accounts?: number | null
    /** Accounts of a tenant that are opened from one address (IPv6: one /64). */
    address_opens_per_minute?: number | null
    /** Tokens of a tenant that are issued to one address (IPv6: one /64). */
    address_tokens_per_minute?: number | null
    /** Units of a tenant that are spent from one address (IPv6: one /64). */
    address_units_per_minute?: number | null
    /** Accounts of strangers that are live at the same time. */
    anonymous_live_accounts?: number | null
    /** Accounts that strangers open. */
    anonymous_opens_per_minute?: number | null
    /** Accounts that strangers open from one address (IPv6: one /64). */
    anonymous_address_opens_per_minute?: number | null
    /** Tokens that strangers are issued, together. */
    anonymous_tokens_per_minute?: number | null
    /** Tokens that strangers at one address are issued (IPv6: one /64). */
    anonymous_address_tokens_per_minute?: number | null
    /** Tokens that one account is ever issued. */
    account_tokens?: number | null
    /** Units that one account may ever spend: what its tokens cost by their resources. */
    account_spend_units?: number | null
  }
}
export interface AgentInput {
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Who answers for this agent. */
  owner: string
  /** When its registration is to be looked at again. */
  review_on: string
  /**
   * None: only who enrolled is this agent.
   *
   * @maxItems 32
   */
  rules: {
    trust_source: string
    /** For an OpenID issuer: claim → pattern. `sub` is required, save where only ID-JAGs are meant. */
    claims?: {
      /** Anchored pattern; `*` is one segment, `**` the rest. */
      [k: string]: string
    }
    /** For a certificate authority: pattern over the one URI name. */
    san_uri?: string
    /** For a certificate authority: pattern over the one DNS name. */
    san_dns?: string
    /** For a certificate authority: the one IP address. */
    san_ip?: string
    /** For a certificate authority: the one email address. */
    san_email?: string
    /** For a certificate authority: the subject, RFC 4514. */
    subject_dn?: string
    /** For a SPIFFE trust domain: pattern over the whole ID. */
    spiffe_id?: string
    /** For pinned keys: x5t#S256 of a self-signed client certificate. */
    certificate_thumbprint?: string
    /** For pinned keys: public JWK, for private_key_jwt and DPoP. */
    jwk?: {
      kty: 'EC' | 'OKP' | 'RSA'
      [k: string]: unknown
    }
    /** For DIDs: pattern over the whole identifier. */
    did?: string
    /** For DIDs: a type that the credential of a configured issuer must have. */
    credential_type?: string
  }[]
  ceiling: {
    /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
    scope?: string
    /**
     * RFC 9396 entries; each type publishes its schema.
     *
     * @maxItems 64
     */
    authorization_details?: {
      type: string
      [k: string]: unknown
    }[]
  }
  settings?: {
    binding?: 'pop' | 'bearer'
    /**
     * Claims that tell instances of this agent apart.
     *
     * @maxItems 8
     */
    instance_claims?: string[]
    /**
     * Claims from which a task id is derived when the caller names none.
     *
     * @maxItems 8
     */
    task_claims?: string[]
    may_open?: boolean
    /** Longest life of an account. */
    account_ttl_seconds?: number
    /** Longest life of a token. */
    token_ttl_seconds?: number
    /** How long an account may live in all, extensions included; left out: account_ttl_seconds. */
    longest_account_seconds?: number
    /** How deep below an account of this agent sub-agents may be given accounts; 0: not at all. */
    max_depth?: number
    /** Whether a token of a trust source is enough to get a certificate of the built-in CA. */
    may_enroll?: boolean
    /** Life of such a certificate. */
    certificate_ttl_seconds?: number
    /** Who may claim its accounts: every member that is given must fit. Left out: nobody. */
    claimable_by?: {
      /**
       * Through one of these.
       *
       * @minItems 1
       * @maxItems 16
       */
      providers?: string[]
      /**
       * In one of these there.
       *
       * @minItems 1
       * @maxItems 64
       *
       * Items: Compared byte for byte.
       */
      groups?: string[]
      /**
       * One of these people.
       *
       * @minItems 1
       * @maxItems 64
       */
      subjects?: {
        /** Exactly the `iss`. */
        issuer: string
        subject: string
      }[]
    }
    limits?: {
      /** Accounts of one agent that are live at the same time. */
      agent_live_accounts?: number | null
      /** Accounts that one agent opens. */
      agent_opens_per_minute?: number | null
      /** Tokens that one agent is issued. */
      agent_tokens_per_minute?: number | null
      /** Units that one agent spends. */
      agent_units_per_minute?: number | null
      /** Tokens that one account is ever issued. */
      account_tokens?: number | null
      /** Units that one account may ever spend: what its tokens cost by their resources. */
      account_spend_units?: number | null
    }
    default_permission?: {
      /** RFC 8707. */
      resource: string
      /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
      scope?: string
      /**
       * RFC 9396 entries; each type publishes its schema.
       *
       * @maxItems 64
       */
      authorization_details?: {
        type: string
        [k: string]: unknown
      }[]
    }
  }
}
export interface AgentJoinTokenInput {
  /** How long it can be used. */
  expires_in_seconds?: number
  /** For people: where it goes. */
  note?: string
}
export interface CreatedAgentJoinToken {
  id: string
  agent: string
  /** For people: where it goes. */
  note?: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** RFC 3339, UTC. Missing: nobody used it. */
  used_at?: string
  /** Who came by it. */
  instance?: {
    /** Last segment of its SPIFFE ID. */
    name: string
    /** RFC 3339, UTC. */
    renewed_at: string
    /** End of its last certificate. RFC 3339, UTC. */
    not_after: string
  }
  /** mfj_…, good for one use. Shown this once. */
  token: string
}
export interface ResourceInput {
  /** RFC 8707 resource URI, compared byte for byte; the `aud` of its tokens. One owner in the whole deployment. */
  uri: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** @maxItems 64 */
  scopes?: {
    name: string
    /** For those who approve it. */
    description: string
  }[]
  /** @maxItems 16 */
  details_types?: ('agent_http' | 'agent_row' | 'agent_tool')[]
  risk_class?: 'low' | 'medium' | 'high'
  max_ttl_seconds?: number
  replay?: 'pop' | 'once' | 'challenge'
  alg?: 'ES256' | 'RS256'
  /**
   * What its verifier really checks. A grant that needs another control is refused.
   *
   * @maxItems 3
   */
  enforces?: ('cnf' | 'rar' | 'feed')[]
  /** `pop`: key-bound tokens only. */
  proof?: 'pop' | 'any'
  /** Spend units that each of its tokens costs. */
  token_units?: number
  /** Its tokens say in which Token Status List they stand, for verifiers that cannot read the feed. */
  status_list?: boolean
  /** Who issues its access tokens, where that is not Mayfly: agents get an ID-JAG for it. */
  authorization_server?: {
    /** Its issuer (RFC 8414): the `audience` by which an ID-JAG is asked for. */
    issuer: string
  }
}
export interface ResourceCredentialInput {
  /** For people; unique among its kind in the tenant. */
  name: string
  /** How long it works. */
  expires_in_seconds?: number
}
export interface CreatedResourceCredential {
  id: string
  resource: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** Shown this once. */
  token: string
}
export interface AccountInput {
  /** Whose account it is. */
  agent: string
  /** What it is for; each task of an agent has one account. */
  task_id?: string
  /** What it may ever be granted; within the agent's ceiling, which is what it gets where nothing is said. */
  permissions?: {
    /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
    scope?: string
    /**
     * RFC 9396 entries; each type publishes its schema.
     *
     * @maxItems 64
     */
    authorization_details?: {
      type: string
      [k: string]: unknown
    }[]
  }
  /** Seconds; at most as the agent says. */
  ttl?: number
  /** Its holder's certificate (RFC 8705) or key (RFC 7638); else the first key that uses the credential. */
  key?: {
    /** base64url of SHA-256. */
    'x5t#S256'?: string
    /** base64url of SHA-256. */
    jkt?: string
  }
}
export interface CreatedAccount {
  client_id: string
  /** Seconds since the epoch. */
  client_id_issued_at: number
  /** When the account ends. Seconds since the epoch. */
  client_secret_expires_at: number
  token_endpoint_auth_method: 'none'
  grant_types: string[]
  /** Scope tokens, separated by single spaces (RFC 6749 § 3.3). */
  scope?: string
  /**
   * RFC 9396 entries; each type publishes its schema.
   *
   * @maxItems 64
   */
  authorization_details?: {
    type: string
    [k: string]: unknown
  }[]
  account_id: string
  task_id: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** mfa_…: the subject token of the holder, with its own key beside it. */
  account_credential: string
  account_credential_type: 'urn:mayfly:token-type:account-credential'
  token_endpoint: string
  /** For the person who may take the account over. Holds a secret. */
  claim_uri?: string
}
export interface AccountsTreeAnswer {
  items: Account[]
  /** Whether there are more than 5000 below it. */
  truncated: boolean
}
export interface AccountsExtendInput {
  /** Seconds from now until its new end. */
  ttl: number
}
export interface AccountAttachmentInput {
  /** Name or id of the connector. */
  connector: string
  /** A public key (RFC 7517): EC, X25519, or RSA of 2048 bits or more. */
  holder_key?: {
    kty: string
    [k: string]: unknown
  }
}
export interface CreatedAccountAttachment {
  id: string
  account: string
  connector: string
  connector_name: string | null
  kind: ('postgres' | 'redis' | 'webhook') | null
  /** active: its holder has access. locked: nobody has; ask again. tearing_down: being taken down. kept: nobody has access, the data is kept for a while. torn_down: gone. */
  state: 'making' | 'active' | 'renewing' | 'locking' | 'locked' | 'tearing_down' | 'kept' | 'torn_down'
  /** Counts its credentials. */
  rotation: number
  /** It failed so often that somebody must look at it; it is tried hourly. */
  parked: boolean
  /** Why the last attempt failed. */
  failure: string | null
  /** RFC 3339, UTC. */
  created_at: string
  ended_at: string | null
  ended_by: string | null
  destroyed:
    | {
        what: string
        count: number
        bytes?: number
      }[]
    | null
  /** Hash of the leaf of the log that says so. */
  receipt: string | null
  /** Where and by which secret; shown this once. Ask again for other access, which ends this. */
  access?: {
    [k: string]: string | number
  }
  /** The same, encrypted to the key that was sent (RFC 7516, compact). */
  access_jwe?: string
}
export interface WebhookInput {
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Where messages are sent to; https. */
  url: string
  /**
   * What becomes of accounts; at once, in no order.
   *
   * @maxItems 32
   */
  events?: (
    | 'account.extended'
    | 'account.completed'
    | 'account.expired'
    | 'account.revoked'
    | 'account.claimed'
    | 'account.closed'
    | 'account.readmitted'
    | 'account.suspended'
    | 'account.narrowed'
    | 'account.torn_down'
  )[]
  /** The tenant's log as it grows, in its order. */
  audit?: {
    /**
     * token.issued, or all below a word: token.*; all when nothing is said.
     *
     * @minItems 1
     * @maxItems 64
     */
    types?: string[]
    /** Only what was decided so. */
    decision?: 'allow' | 'deny' | 'defer'
    /** A reason code, or its beginning: scope* */
    reason?: string
    agent?: string
    account?: string
    /** Where it begins; read once, when it does. */
    begin?: 'now' | 'start'
    /** Whether the exact leaf is sent with each entry. */
    leaf?: boolean
    /** entry unless it says so. ocsf: each entry as an event of schema.ocsf.io, with the exact leaf as its raw_data. */
    format?: 'entry' | 'ocsf'
  }
  /** Standard Webhooks v1 or v1a. */
  signature?: 'hmac' | 'ed25519'
  /** PEM of the CA that its certificate comes from; left out: the public ones. */
  ca_pem?: string
}
export interface CreatedWebhook {
  id: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Where messages are sent to; https. */
  url: string
  events: string[]
  /** The tenant's log as it grows, in its order. */
  audit?: {
    /**
     * token.issued, or all below a word: token.*; all when nothing is said.
     *
     * @minItems 1
     * @maxItems 64
     */
    types?: string[]
    /** Only what was decided so. */
    decision?: 'allow' | 'deny' | 'defer'
    /** A reason code, or its beginning: scope* */
    reason?: string
    agent?: string
    account?: string
    /** Where it begins; read once, when it does. */
    begin?: 'now' | 'start'
    /** Whether the exact leaf is sent with each entry. */
    leaf?: boolean
    /** entry unless it says so. ocsf: each entry as an event of schema.ocsf.io, with the exact leaf as its raw_data. */
    format?: 'entry' | 'ocsf'
  }
  /** Standard Webhooks v1 or v1a. */
  signature?: 'hmac' | 'ed25519'
  /** PEM of the CA that its certificate comes from; left out: the public ones. */
  ca_pem?: string
  /** With ed25519: whpk_ and base64. */
  public_key?: string
  /** In a row, up to now. */
  failures: number
  /** With hmac: whsec_ and base64. Shown this once. */
  signing_secret?: string
}
export interface AuditProofAnswer {
  /** Where it is in the log, from 0. */
  position: number
  /** The exact text that was hashed: RFC 8785 canonical JSON. */
  entry: string
  /** SHA-256(0x00 ‖ entry), base64url: the `evt` of a token whose issuance this is. */
  leaf_hash: string
  /** How many entries the checkpoint is over. */
  size: number
  /** SHA-256, base64. */
  root: string
  /**
   * From the sibling of the leaf up (RFC 6962 § 2.1.1).
   *
   * Items: SHA-256, base64.
   */
  path: string[]
  /** The signed note (c2sp.org/tlog-checkpoint), with the signatures of witnesses. */
  checkpoint: string
  /** All of it as c2sp.org/tlog-proof, with the entry as extra. Answered alone with format=text. */
  proof: string
}
export interface AuditConsistencyAnswer {
  /** Entries of the older tree. */
  from: number
  /** Entries of the newer one. */
  to: number
  /** SHA-256, base64. */
  from_root: string
  /** SHA-256, base64. */
  to_root: string
  /**
   * RFC 6962 § 2.1.2.
   *
   * Items: SHA-256, base64.
   */
  path: string[]
  /** The newest signed note, which has the newer tree as its own or as its beginning. */
  checkpoint: string
}
export interface LogStatusAnswer {
  /** sealed: all but the last seconds is under a signed checkpoint; behind: it has not been for a minute; silent: the sealer is not heard of; refused: it does not sign, `fault` tells the platform’s operators why; off: none was ever set up. */
  state: 'off' | 'sealed' | 'behind' | 'silent' | 'refused'
  /** First line of each checkpoint. */
  origin?: string
  /** That checkpoints are signed by (c2sp.org/signed-note). */
  verifier_key?: string
  /** Entries of the log. */
  size?: number
  /** Entries under the last checkpoint. */
  sealed?: number
  /** How long the oldest entry that is not sealed has been there. */
  lag_seconds?: number
  /** Whether no tokens are issued, because the log has not been sealed for ten minutes. */
  tokens_refused: boolean
  /** Since the sealer was last heard of. */
  heard_seconds_ago?: number
  /** Why nothing is signed; for platform operators. */
  fault?: string
  witnesses?: {
    name: string
    /** Of the last tree that it cosigned. */
    size: number
    /** Why it did not cosign the newest one; for platform operators. */
    fault?: string
  }[]
}
export interface ReceiverInput {
  /** For people; unique among its kind in the tenant. */
  name: string
  /** `aud` of what it gets; its id when nothing is said. */
  audience?: string
  /** PEM of the CA that its certificate comes from; left out: the public ones. */
  ca_pem?: string
  /** How long its credential works. */
  expires_in_seconds?: number
}
export interface CreatedReceiver {
  id: string
  /** For people; unique among its kind in the tenant. */
  name: string
  audience: string
  /** PEM of the CA that its certificate comes from; left out: the public ones. */
  ca_pem?: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** mfe_…. Shown this once. */
  token: string
}
export interface ReceiversTokenInput {
  /** How long its credential works. */
  expires_in_seconds?: number
  /** How long the credential before goes on working. */
  overlap_seconds?: number
}
export interface SsfStreamsStatusInput {
  status: 'enabled' | 'paused' | 'disabled'
  /** For the receiver, who is told. */
  reason?: string
}
export interface KeysRotateInput {
  use: 'signing' | 'ca'
  /** Only keys of this algorithm; else of each. */
  alg?: 'ES256' | 'RS256'
  /** An emergency: the keys are retired at once, and whatever they signed is worth nothing from then on. */
  now?: boolean
}
export interface KeysRotateAnswer {
  /** Those of this use that are not retired, as they are now. */
  keys: Key[]
  /** `kid`s of keys that were retired by this call. */
  retired: string[]
  /** Of whatever they signed: who has been told, /v1/revocations says. */
  revocation?: string
  /** What it means, for whoever asked. */
  notice: string
}
export interface RevocationInput {
  /** The token itself. */
  token?: string
  /** A token's jti. */
  token_id?: string
  /** With all below it. */
  account_id?: string
  /** An agent's account for a task. */
  task?: {
    agent_id: string
    task_id: string
  }
  /** All its tokens, and its accounts. */
  agent_id?: string
  /** All tokens of the agents that come by its word, and their accounts. */
  trust_source_id?: string
  /** The kid of a signing key. */
  key_id?: string
  /** Every token and every account. */
  tenant?: true
  /** Why; kept in the log, encrypted. */
  reason?: string
  /** Of an agent or a trust source: whether it gets no new tokens either, until it is reinstated. */
  suspend?: boolean
  /** For a platform-admin, who belongs to none. */
  tenant_id?: string
}
export interface CreatedRevocation {
  id: string
  /** What was revoked. tree: an account with all below it. */
  kind: 'account' | 'tree' | 'token' | 'agent' | 'key' | 'tenant' | 'trust_source'
  /** What tokens call it, or the trust source. */
  subject: string
  /** What it came of: complete, revoke, close, claim, suspend, narrow; or what was revoked. */
  cause: string
  /** Who did it: ids and words of ours. */
  by: {
    [k: string]: unknown
  } | null
  /** RFC 3339, UTC. */
  at: string
  /** Of its first entry in the feed; null: no token could be out that it would concern. */
  from_epoch: number | null
  /** Who has come this far refuses all of it. */
  to_epoch: number | null
  /** With those of accounts that ended because of it. */
  entries_total: number
  /** Accounts that end because of it, in the background. Their tokens are dead from the start. */
  accounts?: {
    ended: number
    finished: boolean
  }
}
export interface RestoreAnswer {
  /** The last one first; none: nothing was ever restored. */
  forks: {
    /** RFC 3339, UTC. */
    at: string
    /** The log that broke off. */
    from_shard: string
    /** The log that began. */
    to_shard: string
    /** Entries that the restored log had: the first ones of the new one. */
    size: number
    /** Entries of the earlier log that were sealed; null: not known. */
    sealed_size: number | null
    /** Root over them, base64. */
    sealed_root: string | null
    /** Whether keys were made and erasures repeated. */
    finished: boolean
  }[]
  held: {
    agents: number
    trust_sources: number
    accounts: number
  }
  agents: {
    id: string
    name: string
  }[]
  trust_sources: {
    id: string
    name: string
  }[]
}
export interface AgentsSuspendAnswer {
  id: string
  suspended: boolean
  /** RFC 3339, UTC; null: it is not suspended. */
  suspended_at: string | null
}
export interface TrustSourcesSuspendAnswer {
  id: string
  suspended: boolean
  /** RFC 3339, UTC; null: it is not suspended. */
  suspended_at: string | null
}
export interface ErasureInput {
  /** Somebody who has signed in. Sessions and tokens end. */
  person?: string
  /** Of a foreign subject: the issuer, exactly as it calls itself. */
  issuer?: string
  /** `sub` of the foreign subject, or the name in its certificate. */
  subject?: string
  /**
   * @maxItems 20
   *
   * Items: What else it is called: a former address. Taken out of proposals, messages, notes and owners.
   */
  names?: string[]
}
export interface ErasuresPreviewAnswer {
  /** Keys that would be destroyed. */
  keys: number
  /** Whose names would be taken away. */
  people: string[]
  /** A legal hold covers it: it would be refused. */
  legal_hold: boolean
  /** Registrations that name it: it would be refused. Twenty at most. */
  named_by: string[]
  /** Where what it is called stands. deleted: the rows go as a whole; else the words alone. */
  found: {
    where: string
    rows: number
    deleted: boolean
  }[]
  /** Rows that hold each name that was given: many are a sign that it is a common word. */
  names: {
    name: string
    rows: number
  }[]
  /** Accounts that it had opened and that go on until somebody ends them; 200 at most. */
  living_accounts: string[]
}
export interface LegalHoldInput {
  /** What it is for: a number of a case. Name nobody here. */
  matter: string
  /** Only what concerns this account. */
  account?: string
  /** Only what concerns this agent. */
  agent?: string
  /** Only what concerns this person. */
  person?: string
}
export interface TenantRetentionInput {
  /** Who changed what, who let it pass, what was revoked. Months. */
  security?: number
  /** The life of accounts and their tokens. Months. */
  standard?: number
  /** What comes in masses: decisions that guards report. Months. */
  short?: number
}
export interface OperatorInput {
  /** For people; unique among its kind in the tenant. */
  name: string
  role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
  /** Whose operator it is. Needed from a platform-admin for every role but its own; else left out. */
  tenant?: string
  /** How long the token works. */
  expires_in_seconds?: number
}
export interface CreatedOperator {
  id: string
  name: string
  role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
  tenant?: string
  owner?: {
    id: string
    issuer: string
    subject: string
    name?: string
  }
  /** The credential that made it, which may have ended since. */
  made_by?: string
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  /** RFC 3339, UTC, to the hour. Missing: never. */
  last_used_at?: string
  /** Shown this once. */
  token: string
}
export interface SignInProviderInput {
  /** For people; unique among its kind in the tenant. */
  name: string
  /** Exactly the `iss` of its ID tokens; https. Its keys are found by discovery. */
  issuer: string
  /** Mayfly as that provider knows it: a public client with PKCE, and loopback redirects for the command line. */
  client_id: string
  /** The console's client there, where that is another one: a web client that comes back to `<issuer of the tenant>/console/callback`. */
  console_client_id?: string
  /** The only `aud` accepted, where it is not the client id; `azp` must then be the client id. */
  audience?: string
  /**
   * What clients ask for; some providers send groups only when a scope says so.
   *
   * @minItems 1
   * @maxItems 16
   *
   * Items: RFC 6749 § 3.3.
   */
  scopes?: string[]
  /** Claim of the ID token that holds the groups: a list of texts, or one. Dots lead into nested claims. */
  groups_claim: string
  /**
   * The first rule whose group the person has gives the role. No match, no session.
   *
   * @minItems 1
   * @maxItems 64
   */
  rules: {
    /** Compared byte for byte. */
    group: string
    role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
  }[]
  /** Life of a session. */
  session_ttl_seconds?: number
  /** PEM of the CA that the provider's own HTTPS certificate comes from; left out: the public ones. */
  ca_pem?: string
}
export interface SignInProviderClientSecretInput {
  /** What the provider knows the console by. Stored sealed, never shown. */
  client_secret: string
}
export interface SessionInput {
  provider: string
  /** Good for one session. */
  id_token: string
  /** The one that the client made for this sign-in. Left out where the ID token holds none: the device grant. */
  nonce?: string
}
export interface CreatedSession {
  id: string
  /** `mfs_…`; shown this once. */
  token: string
  /** RFC 3339, UTC. */
  expires_at: string
  operator: {
    issuer: string
    subject: string
    name: string | null
    role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
    /** null: the whole deployment. */
    tenant: string | null
  }
}
export interface SignInAnswer {
  providers: {
    id: string
    name: string
    /** null: the deployment's own, for platform-admins. */
    tenant: string | null
    issuer: string
    client_id: string
    scopes: string[]
    /** What the provider's HTTPS certificate comes from, where no public CA. */
    ca_pem?: string
  }[]
}
export interface WhoamiAnswer {
  id: string
  kind: 'session' | 'token'
  role: 'platform-admin' | 'tenant-admin' | 'policy-author' | 'approver' | 'auditor' | 'orchestrator'
  /** null: the whole deployment. */
  tenant: string | null
  tenant_slug: string | null
  /** Of the person, or of the token. */
  name: string
  /** Who signed in, or answers for the token. */
  person?: string
  issuer?: string
  subject?: string
  /** RFC 3339, UTC. */
  expires_at: string
}
export interface PeopleSignOutAnswer {
  /** Sessions and tokens that have ended. */
  ended: number
}
export interface ChangesBreakGlassInput {
  /** Why nobody else could be asked; kept, and written into the log of the broker. */
  reason: string
}
export interface ChangesCollectAnswer {
  [k: string]: unknown
}
export interface OwnAccountRevokeAnswer {
  id: string
  state: 'active' | 'completed' | 'expired' | 'revoked' | 'claimed' | 'closed' | 'held'
}
export interface OwnAccountClaimCodeAnswer {
  /** To be shown to whoever is to claim. It never travels with the link. */
  code: string
  /** Seconds. */
  expires_in: number
}
export interface OwnAccountAttachmentInput {
  /** Name or id of the connector. */
  connector: string
  /** A public key (RFC 7517): EC, X25519, or RSA of 2048 bits or more. */
  encrypt_to?: {
    kty: string
    [k: string]: unknown
  }
}

/** Every code that the broker answers with; docs/errors.md says what each means. */
export type BrokerErrorCode =
  | 'access_denied'
  | 'already_claimed'
  | 'already_consumed'
  | 'attachment_busy'
  | 'claim_expired'
  | 'conflict'
  | 'connector_failed'
  | 'entry_not_sealed'
  | 'idempotency_in_flight'
  | 'idempotency_mismatch'
  | 'idempotency_not_replayable'
  | 'insufficient_scope'
  | 'invalid_authorization_details'
  | 'invalid_client'
  | 'invalid_cursor'
  | 'invalid_dpop_proof'
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'log_inconsistent'
  | 'log_not_sealed'
  | 'method_not_allowed'
  | 'no_role'
  | 'not_claimable_by_you'
  | 'not_found'
  | 'origin_refused'
  | 'other_tenant'
  | 'second_person_needed'
  | 'server_error'
  | 'sign_in_needed'
  | 'sign_in_refused'
  | 'temporarily_unavailable'
  | 'token_revoked'
  | 'too_many_codes'
  | 'unsupported_grant_type'
  | 'use_dpop_nonce'
  | 'validation_failed'
  | 'wrong_code'

/** A change that waits for a second person (202). */
export interface Waiting {
  change: string
  status: 'waiting'
}

/** Every operation of the broker's API. A POST is repeated safely: it carries an `Idempotency-Key`. */
export interface MayflyApi {
  /** Get a certificate for an agent, or renew one. `POST /enroll` */
  enroll(body: EnrollInput, options?: ApiCallOptions): Promise<EnrollAnswer>
  /** Use up a token of a once resource. `POST /consume` */
  consume(body: ConsumeInput, options?: ApiCallOptions): Promise<ConsumeAnswer>
  /** Report what a guard allowed and refused. `POST /v1/decisions` */
  decisions(body: DecisionsInput, options?: ApiCallOptions): Promise<DecisionsAnswer>
  /** Redeem the bootstrap token: first tenant, first operators. `POST /v1/bootstrap` */
  bootstrap(body: BootstrapInput, options?: ApiCallOptions): Promise<BootstrapAnswer>
  /** What was used: accounts opened, tokens, denials, calls, units. `GET /v1/usage` */
  usage(query?: { by?: 'tenant' | 'agent' | 'account' | 'day'; tenant?: string; agent?: string; account?: string; from?: string; to?: string; limit?: number }, options?: ApiCallOptions): Pages<Usage>
  /** Say whether a backup was restored, and what waits since then. `GET /v1/restore` */
  restore(options?: ApiCallOptions): Promise<RestoreAnswer>
  /** Where to sign in: a tenant's providers; without a slug the first tenant's, then the deployment's. `GET /v1/sign-in` */
  signIn(query?: { tenant?: string }, options?: ApiCallOptions): Promise<SignInAnswer>
  /** Whose credential this is. `GET /v1/whoami` */
  whoami(options?: ApiCallOptions): Promise<WhoamiAnswer>
  readonly feed: {
    /** All revocations that may still match a token. `GET /v1/feed/snapshot` */
    snapshot(options?: ApiCallOptions): Promise<FeedSnapshotAnswer>
    /** Say up to which epoch a guard has applied the feed. `POST /v1/feed/acknowledgements` */
    acknowledgements(body: FeedAcknowledgementsInput, options?: ApiCallOptions): Promise<undefined>
  }
  readonly claim: {
    /** Whether the account of a claim link was claimed; for whoever holds the link. `POST /claim/status` */
    status(body: ClaimStatusInput, options?: ApiCallOptions): Promise<ClaimStatusAnswer>
  }
  readonly tenants: {
    /** Create a tenant with its signing keys. `POST /v1/tenants` */
    create(body: TenantInput, options?: ApiCallOptions): Promise<Tenant>
    /** List tenants: all for a platform-admin, else your own. `GET /v1/tenants` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Tenant>
    /** Get one tenant. `GET /v1/tenants/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Tenant>
    readonly limits: {
      /** Which limits hold for a tenant. `GET /v1/tenants/{id}/limits` */
      get(id: string, options?: ApiCallOptions): Promise<TenantLimit>
      /** Set limits of a tenant: a platform-admin grants, a tenant-admin sets less. `PUT /v1/tenants/{id}/limits` */
      set(id: string, body: TenantLimitInput, options?: ApiCallOptions): Promise<TenantLimit>
    }
    readonly anonymous: {
      /** As which agent strangers get accounts here. `GET /v1/tenants/{id}/anonymous` */
      get(id: string, options?: ApiCallOptions): Promise<TenantAnonymous>
      /** Take strangers in this tenant: the one in the deployment that may. `PUT /v1/tenants/{id}/anonymous` */
      set(id: string, body: TenantAnonymous, options?: ApiCallOptions): Promise<TenantAnonymous>
      /** Take strangers no more. `DELETE /v1/tenants/{id}/anonymous` */
      delete(id: string, options?: ApiCallOptions): Promise<undefined>
    }
    readonly retention: {
      /** How long bodies of the log of a tenant stay. `GET /v1/tenants/{id}/retention` */
      get(id: string, options?: ApiCallOptions): Promise<TenantRetention>
      /** Say how long bodies of the log of a tenant stay. `PUT /v1/tenants/{id}/retention` */
      set(id: string, body?: TenantRetentionInput, options?: ApiCallOptions): Promise<TenantRetention | Waiting>
    }
    readonly twoPerson: {
      /** Which changes of this tenant need two people. `GET /v1/tenants/{id}/two-person` */
      get(id: string, options?: ApiCallOptions): Promise<TenantTwoPerson>
      /** Say which changes of this tenant need two people. `PUT /v1/tenants/{id}/two-person` */
      set(id: string, body: TenantTwoPerson, options?: ApiCallOptions): Promise<TenantTwoPerson | Waiting>
    }
  }
  readonly trustSources: {
    /** List trust sources. `GET /v1/trust-sources` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<TrustSource>
    /** Register one trust source. `POST /v1/trust-sources` */
    create(body: TrustSourceInput, options?: ApiCallOptions): Promise<TrustSource | Waiting>
    /** Get one trust source. `GET /v1/trust-sources/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<TrustSource>
    /** Replace one trust source. `PUT /v1/trust-sources/{id}` */
    replace(id: string, body: TrustSourceInput, options?: ApiCallOptions): Promise<TrustSource | Waiting>
    /** Delete one trust source. `DELETE /v1/trust-sources/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined | Waiting>
    /** Give one trust source nothing new until it is reinstated. `POST /v1/trust-sources/{id}/suspend` */
    suspend(id: string, options?: ApiCallOptions): Promise<TrustSourcesSuspendAnswer>
    /** Let one suspended trust source have tokens again. `POST /v1/trust-sources/{id}/reinstate` */
    reinstate(id: string, options?: ApiCallOptions): Promise<TrustSourcesSuspendAnswer | Waiting>
  }
  readonly agents: {
    /** List agents. `GET /v1/agents` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Agent>
    /** Register one agent. `POST /v1/agents` */
    create(body: AgentInput, options?: ApiCallOptions): Promise<Agent | Waiting>
    /** Get one agent. `GET /v1/agents/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Agent>
    /** Replace one agent. `PUT /v1/agents/{id}` */
    replace(id: string, body: AgentInput, options?: ApiCallOptions): Promise<Agent | Waiting>
    /** Delete one agent. `DELETE /v1/agents/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined | Waiting>
    /** Give one agent nothing new until it is reinstated. `POST /v1/agents/{id}/suspend` */
    suspend(id: string, options?: ApiCallOptions): Promise<AgentsSuspendAnswer>
    /** Let one suspended agent have tokens again. `POST /v1/agents/{id}/reinstate` */
    reinstate(id: string, options?: ApiCallOptions): Promise<AgentsSuspendAnswer | Waiting>
    readonly joinTokens: {
      /** Create a join token for an agent. `POST /v1/agents/{id}/join-tokens` */
      create(id: string, body?: AgentJoinTokenInput, options?: ApiCallOptions): Promise<CreatedAgentJoinToken | Waiting>
      /** List an agent's join tokens and who came by them. `GET /v1/agents/{id}/join-tokens` */
      list(id: string, query?: { limit?: number }, options?: ApiCallOptions): Pages<AgentJoinToken>
      /** End a join token; who came by it cannot renew. `DELETE /v1/agents/{id}/join-tokens/{join_token_id}` */
      delete(id: string, joinTokenId: string, options?: ApiCallOptions): Promise<undefined>
    }
  }
  readonly resources: {
    /** List resources. `GET /v1/resources` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Resource>
    /** Register one resource. `POST /v1/resources` */
    create(body: ResourceInput, options?: ApiCallOptions): Promise<Resource | Waiting>
    /** Get one resource. `GET /v1/resources/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Resource>
    /** Replace one resource. `PUT /v1/resources/{id}` */
    replace(id: string, body: ResourceInput, options?: ApiCallOptions): Promise<Resource | Waiting>
    /** Delete one resource. `DELETE /v1/resources/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined | Waiting>
    readonly credentials: {
      /** Create a credential for a resource. `POST /v1/resources/{id}/credentials` */
      create(id: string, body: ResourceCredentialInput, options?: ApiCallOptions): Promise<CreatedResourceCredential>
      /** List a resource's credentials. `GET /v1/resources/{id}/credentials` */
      list(id: string, query?: { limit?: number }, options?: ApiCallOptions): Pages<ResourceCredential>
      /** End a credential of a resource. `DELETE /v1/resources/{id}/credentials/{credential_id}` */
      delete(id: string, credentialId: string, options?: ApiCallOptions): Promise<undefined>
    }
  }
  readonly accounts: {
    /** Open an account ahead, for an agent to use. `POST /v1/accounts` */
    create(body: AccountInput, options?: ApiCallOptions): Promise<CreatedAccount>
    /** List accounts, newest first. `GET /v1/accounts` */
    list(query?: { limit?: number; state?: 'active' | 'completed' | 'expired' | 'revoked' | 'claimed' | 'closed' | 'held'; agent?: string; task_id?: string }, options?: ApiCallOptions): Pages<Account>
    /** Get one account, or what is left of it. `GET /v1/accounts/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<AnyAccount>
    /** An account and all below it, parents first. `GET /v1/accounts/{id}/tree` */
    tree(id: string, options?: ApiCallOptions): Promise<AccountsTreeAnswer>
    /** Say that its task is done. `POST /v1/accounts/{id}/complete` */
    complete(id: string, options?: ApiCallOptions): Promise<Account>
    /** End an account at once, with all below it. `POST /v1/accounts/{id}/revoke` */
    revoke(id: string, options?: ApiCallOptions): Promise<Account>
    /** Close a claimed account. `POST /v1/accounts/{id}/close` */
    close(id: string, options?: ApiCallOptions): Promise<Account>
    /** Move the end of an account. `POST /v1/accounts/{id}/extend` */
    extend(id: string, body: AccountsExtendInput, options?: ApiCallOptions): Promise<Account>
    /** The whole life of an account, its ancestors and all below it. `GET /v1/accounts/{id}/trail` */
    trail(id: string, query?: { private?: 'open' | 'closed'; limit?: number; tenant?: string; order?: 'newest' | 'oldest'; family?: 'with' | 'without' }, options?: ApiCallOptions): Pages<Audit>
    /** Let an account go on that waits since a restore. `POST /v1/accounts/{id}/reinstate` */
    reinstate(id: string, options?: ApiCallOptions): Promise<Account>
    readonly attachments: {
      /** Attach something to an account, or renew its access. `POST /v1/accounts/{id}/attachments` */
      create(id: string, body: AccountAttachmentInput, options?: ApiCallOptions): Promise<CreatedAccountAttachment>
      /** What is attached to an account. `GET /v1/accounts/{id}/attachments` */
      list(id: string, query?: { limit?: number }, options?: ApiCallOptions): Pages<AccountAttachment>
      /** Take down one attachment. `DELETE /v1/accounts/{id}/attachments/{attachment_id}` */
      delete(id: string, attachmentId: string, options?: ApiCallOptions): Promise<AccountAttachment>
      /** Try again what is parked. `POST /v1/accounts/{id}/attachments/{attachment_id}/retry` */
      retry(id: string, attachmentId: string, options?: ApiCallOptions): Promise<AccountAttachment>
    }
  }
  readonly connectors: {
    /** List connectors. `GET /v1/connectors` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Connector>
    /** Register one connector. `POST /v1/connectors` */
    create(body: ConnectorInput, options?: ApiCallOptions): Promise<CreatedConnector>
    /** Get one connector. `GET /v1/connectors/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Connector>
    /** Replace one connector. `PUT /v1/connectors/{id}` */
    replace(id: string, body: ConnectorInput, options?: ApiCallOptions): Promise<Connector>
    /** Remove one connector. `DELETE /v1/connectors/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined>
  }
  readonly attachments: {
    /** Attachments that cannot be taken down or locked. `GET /v1/attachments/parked` */
    parked(query?: { limit?: number }, options?: ApiCallOptions): Pages<AccountAttachment>
  }
  readonly webhooks: {
    /** List webhooks. `GET /v1/webhooks` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Webhook>
    /** Register one webhook. `POST /v1/webhooks` */
    create(body: WebhookInput, options?: ApiCallOptions): Promise<CreatedWebhook>
    /** Get one webhook. `GET /v1/webhooks/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Webhook>
    /** Replace one webhook. `PUT /v1/webhooks/{id}` */
    replace(id: string, body: WebhookInput, options?: ApiCallOptions): Promise<Webhook>
    /** Remove one webhook. `DELETE /v1/webhooks/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined>
    readonly messages: {
      /** What was sent, or waits to be. `GET /v1/webhooks/{id}/messages` */
      list(id: string, query?: { limit?: number }, options?: ApiCallOptions): Pages<WebhookMessage>
      /** Send one message again. `POST /v1/webhooks/{id}/messages/{message_id}/redeliver` */
      redeliver(id: string, messageId: string, options?: ApiCallOptions): Promise<undefined>
    }
    readonly audit: {
      /** How far a webhook has come with the log. `GET /v1/webhooks/{id}/audit` */
      get(id: string, options?: ApiCallOptions): Promise<WebhookAudit>
      /** Try at once what a webhook did not take of the log. `POST /v1/webhooks/{id}/audit/retry` */
      retry(id: string, options?: ApiCallOptions): Promise<undefined>
      /** Leave out the message that a webhook does not take; its receiver sees the gap. `POST /v1/webhooks/{id}/audit/skip` */
      skip(id: string, options?: ApiCallOptions): Promise<undefined>
    }
  }
  readonly audit: {
    /** Search the audit log. `GET /v1/audit` */
    list(query?: { account?: string; task?: string; agent?: string; jti?: string; actor?: string; approver?: string; about?: string; type?: string; without?: string; decision?: string; reason?: string; from?: string; to?: string; private?: 'open' | 'closed'; limit?: number; tenant?: string; order?: 'newest' | 'oldest'; count?: 'exact' }, options?: ApiCallOptions): Pages<Audit>
    /** Show one entry of the audit log. `GET /v1/audit/{id}` */
    get(id: string, query?: { tenant?: string; private?: 'open' | 'closed' }, options?: ApiCallOptions): Promise<Audit>
    /** Prove that an entry is in the log. `GET /v1/audit/{entry}/proof` */
    proof(entry: string, options?: ApiCallOptions): Promise<AuditProofAnswer>
    /** Prove that the log of one size begins with that of another. `GET /v1/audit/consistency` */
    consistency(query?: { from?: number; to?: number }, options?: ApiCallOptions): Promise<AuditConsistencyAnswer>
  }
  readonly log: {
    /** How sealing the log stands. `GET /v1/log/status` */
    status(options?: ApiCallOptions): Promise<LogStatusAnswer>
  }
  readonly receivers: {
    /** List receivers of security events. `GET /v1/receivers` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Receiver>
    /** Register a receiver of security events. `POST /v1/receivers` */
    create(body: ReceiverInput, options?: ApiCallOptions): Promise<CreatedReceiver>
    /** Get one receiver. `GET /v1/receivers/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Receiver>
    /** Remove a receiver, with its streams. `DELETE /v1/receivers/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined>
    /** Give a receiver another credential. `POST /v1/receivers/{id}/token` */
    token(id: string, body?: ReceiversTokenInput, options?: ApiCallOptions): Promise<CreatedReceiver>
  }
  readonly ssf: {
    readonly streams: {
      /** List streams of security events. `GET /v1/ssf/streams` */
      list(query?: { limit?: number }, options?: ApiCallOptions): Pages<SsfStream>
      /** Get one stream. `GET /v1/ssf/streams/{id}` */
      get(id: string, options?: ApiCallOptions): Promise<SsfStream>
      /** Let a stream send, pause or stop. `POST /v1/ssf/streams/{id}/status` */
      status(id: string, body: SsfStreamsStatusInput, options?: ApiCallOptions): Promise<undefined>
      readonly deadLetters: {
        /** What of a stream was set aside. `GET /v1/ssf/streams/{id}/dead-letters` */
        list(id: string, query?: { limit?: number }, options?: ApiCallOptions): Pages<SsfStreamDeadLetter>
        /** Send again what was set aside. `POST /v1/ssf/streams/{id}/dead-letters/{dead_letter_id}/redeliver` */
        redeliver(id: string, deadLetterId: string, options?: ApiCallOptions): Promise<undefined>
        /** Throw away what was set aside. `DELETE /v1/ssf/streams/{id}/dead-letters/{dead_letter_id}` */
        delete(id: string, deadLetterId: string, options?: ApiCallOptions): Promise<undefined>
      }
    }
  }
  readonly keys: {
    /** List the tenant's keys. `GET /v1/keys` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Key>
    /** Rotate keys now instead of when they are due. `POST /v1/keys/rotate` */
    rotate(body: KeysRotateInput, options?: ApiCallOptions): Promise<KeysRotateAnswer | Waiting>
    readonly rewrap: {
      /** Under which key-encryption keys the stored keys are sealed. `GET /v1/keys/rewrap` */
      get(options?: ApiCallOptions): Promise<KeyRewrap>
      /** Seal every stored key under the current key-encryption key; the worker does it. `POST /v1/keys/rewrap` */
      start(options?: ApiCallOptions): Promise<KeyRewrap>
    }
  }
  readonly revocations: {
    /** Revoke a token, account, task, agent, trust source, key or the whole tenant. `POST /v1/revocations` */
    create(body?: RevocationInput, options?: ApiCallOptions): Promise<CreatedRevocation>
    /** List revocations that may still concern a token, newest first. `GET /v1/revocations` */
    list(query?: { limit?: number; tenant?: string; kind?: 'account' | 'tree' | 'token' | 'agent' | 'key' | 'tenant'; subject?: string; cause?: string }, options?: ApiCallOptions): Pages<Revocation>
    /** Get one revocation, and whom it has reached. `GET /v1/revocations/{id}` */
    get(id: string, query?: { tenant?: string; wait?: number }, options?: ApiCallOptions): Promise<AnyRevocation>
  }
  readonly erasures: {
    /** Forget a person or a foreign subject; proofs of the log still hold. `POST /v1/erasures` */
    create(body?: ErasureInput, options?: ApiCallOptions): Promise<Erasure | Waiting>
    /** List erasures. `GET /v1/erasures` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Erasure>
    /** Show what an erasure would find; changes nothing, and is an entry of the log as reading it is. `POST /v1/erasures/preview` */
    preview(body?: ErasureInput, options?: ApiCallOptions): Promise<ErasuresPreviewAnswer>
    /** Show one erasure, and how far it has come. `GET /v1/erasures/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Erasure>
  }
  readonly legalHolds: {
    /** Place a legal hold: what it covers is neither erased nor dropped. `POST /v1/legal-holds` */
    create(body: LegalHoldInput, options?: ApiCallOptions): Promise<LegalHold>
    /** List legal holds. `GET /v1/legal-holds` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<LegalHold>
    /** Lift a legal hold. `POST /v1/legal-holds/{id}/lift` */
    lift(id: string, options?: ApiCallOptions): Promise<LegalHold | Waiting>
    /** Show one legal hold. `GET /v1/legal-holds/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<LegalHold>
  }
  readonly operators: {
    /** Create an operator token. `POST /v1/operators` */
    create(body: OperatorInput, options?: ApiCallOptions): Promise<CreatedOperator | Waiting>
    /** List operator tokens. `GET /v1/operators` */
    list(query?: { limit?: number; tenant?: string }, options?: ApiCallOptions): Pages<Operator>
    /** End an operator token. `DELETE /v1/operators/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined>
  }
  readonly signInProviders: {
    /** List sign-in providers. `GET /v1/sign-in-providers` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<SignInProvider>
    /** Register one sign-in provider. `POST /v1/sign-in-providers` */
    create(body: SignInProviderInput, options?: ApiCallOptions): Promise<SignInProvider | Waiting>
    /** Get one sign-in provider. `GET /v1/sign-in-providers/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<SignInProvider>
    /** Replace one sign-in provider. `PUT /v1/sign-in-providers/{id}` */
    replace(id: string, body: SignInProviderInput, options?: ApiCallOptions): Promise<SignInProvider | Waiting>
    /** Delete one sign-in provider. `DELETE /v1/sign-in-providers/{id}` */
    delete(id: string, options?: ApiCallOptions): Promise<undefined | Waiting>
    readonly clientSecret: {
      /** Set the secret of the console's client. `PUT /v1/sign-in-providers/{id}/client-secret` */
      set(id: string, body: SignInProviderClientSecretInput, options?: ApiCallOptions): Promise<undefined>
      /** Forget the secret of the console's client. `DELETE /v1/sign-in-providers/{id}/client-secret` */
      delete(id: string, options?: ApiCallOptions): Promise<undefined>
    }
  }
  readonly sessions: {
    /** Open a session with an ID token of a sign-in provider. `POST /v1/sessions` */
    create(body: SessionInput, options?: ApiCallOptions): Promise<CreatedSession>
    /** Sign out: end the session that this is sent with. `DELETE /v1/sessions/current` */
    end(options?: ApiCallOptions): Promise<undefined>
  }
  readonly people: {
    /** List people who have signed in. `GET /v1/people` */
    list(query?: { limit?: number }, options?: ApiCallOptions): Pages<Person>
    /** End all sessions of a person and all tokens that it answers for. `POST /v1/people/{id}/sign-out` */
    signOut(id: string, options?: ApiCallOptions): Promise<PeopleSignOutAnswer>
  }
  readonly changes: {
    /** List changes. `GET /v1/changes` */
    list(query?: { limit?: number; status?: 'waiting' }, options?: ApiCallOptions): Pages<Change>
    /** Get one change, beside how things stand now. `GET /v1/changes/{id}` */
    get(id: string, options?: ApiCallOptions): Promise<Change>
    /** Let a change of another person pass: it is done at once. `POST /v1/changes/{id}/approve` */
    approve(id: string, options?: ApiCallOptions): Promise<Change>
    /** Refuse a change of another person, or take back your own. `POST /v1/changes/{id}/reject` */
    reject(id: string, options?: ApiCallOptions): Promise<Change>
    /** Let a change pass alone, in an emergency: it raises an alarm. `POST /v1/changes/{id}/break-glass` */
    breakGlass(id: string, body: ChangesBreakGlassInput, options?: ApiCallOptions): Promise<Change>
    /** Do what was approved and get its secret, for the one who proposed it. `POST /v1/changes/{id}/collect` */
    collect(id: string, options?: ApiCallOptions): Promise<ChangesCollectAnswer>
  }
}

/** Name, method, path, and what it takes: b a body, q a query; p: its answer has pages. */
export const operationTable: readonly (readonly [name: string, method: string, path: string, takes: string])[] = [
  ['enroll', 'POST', '/enroll', 'b'],
  ['consume', 'POST', '/consume', 'b'],
  ['decisions', 'POST', '/v1/decisions', 'b'],
  ['feed.snapshot', 'GET', '/v1/feed/snapshot', ''],
  ['feed.acknowledgements', 'POST', '/v1/feed/acknowledgements', 'b'],
  ['claim.status', 'POST', '/claim/status', 'b'],
  ['bootstrap', 'POST', '/v1/bootstrap', 'b'],
  ['tenants.create', 'POST', '/v1/tenants', 'b'],
  ['tenants.list', 'GET', '/v1/tenants', 'qp'],
  ['tenants.get', 'GET', '/v1/tenants/{id}', ''],
  ['tenants.limits.get', 'GET', '/v1/tenants/{id}/limits', ''],
  ['tenants.limits.set', 'PUT', '/v1/tenants/{id}/limits', 'b'],
  ['tenants.anonymous.get', 'GET', '/v1/tenants/{id}/anonymous', ''],
  ['tenants.anonymous.set', 'PUT', '/v1/tenants/{id}/anonymous', 'b'],
  ['tenants.anonymous.delete', 'DELETE', '/v1/tenants/{id}/anonymous', ''],
  ['usage', 'GET', '/v1/usage', 'qp'],
  ['trustSources.list', 'GET', '/v1/trust-sources', 'qp'],
  ['trustSources.create', 'POST', '/v1/trust-sources', 'b'],
  ['trustSources.get', 'GET', '/v1/trust-sources/{id}', ''],
  ['trustSources.replace', 'PUT', '/v1/trust-sources/{id}', 'b'],
  ['trustSources.delete', 'DELETE', '/v1/trust-sources/{id}', ''],
  ['agents.list', 'GET', '/v1/agents', 'qp'],
  ['agents.create', 'POST', '/v1/agents', 'b'],
  ['agents.get', 'GET', '/v1/agents/{id}', ''],
  ['agents.replace', 'PUT', '/v1/agents/{id}', 'b'],
  ['agents.delete', 'DELETE', '/v1/agents/{id}', ''],
  ['agents.joinTokens.create', 'POST', '/v1/agents/{id}/join-tokens', 'b'],
  ['agents.joinTokens.list', 'GET', '/v1/agents/{id}/join-tokens', 'qp'],
  ['agents.joinTokens.delete', 'DELETE', '/v1/agents/{id}/join-tokens/{join_token_id}', ''],
  ['resources.list', 'GET', '/v1/resources', 'qp'],
  ['resources.create', 'POST', '/v1/resources', 'b'],
  ['resources.get', 'GET', '/v1/resources/{id}', ''],
  ['resources.replace', 'PUT', '/v1/resources/{id}', 'b'],
  ['resources.delete', 'DELETE', '/v1/resources/{id}', ''],
  ['resources.credentials.create', 'POST', '/v1/resources/{id}/credentials', 'b'],
  ['resources.credentials.list', 'GET', '/v1/resources/{id}/credentials', 'qp'],
  ['resources.credentials.delete', 'DELETE', '/v1/resources/{id}/credentials/{credential_id}', ''],
  ['accounts.create', 'POST', '/v1/accounts', 'b'],
  ['accounts.list', 'GET', '/v1/accounts', 'qp'],
  ['accounts.get', 'GET', '/v1/accounts/{id}', ''],
  ['accounts.tree', 'GET', '/v1/accounts/{id}/tree', ''],
  ['accounts.complete', 'POST', '/v1/accounts/{id}/complete', ''],
  ['accounts.revoke', 'POST', '/v1/accounts/{id}/revoke', ''],
  ['accounts.close', 'POST', '/v1/accounts/{id}/close', ''],
  ['accounts.extend', 'POST', '/v1/accounts/{id}/extend', 'b'],
  ['connectors.list', 'GET', '/v1/connectors', 'qp'],
  ['connectors.create', 'POST', '/v1/connectors', 'b'],
  ['connectors.get', 'GET', '/v1/connectors/{id}', ''],
  ['connectors.replace', 'PUT', '/v1/connectors/{id}', 'b'],
  ['connectors.delete', 'DELETE', '/v1/connectors/{id}', ''],
  ['accounts.attachments.create', 'POST', '/v1/accounts/{id}/attachments', 'b'],
  ['accounts.attachments.list', 'GET', '/v1/accounts/{id}/attachments', 'qp'],
  ['attachments.parked', 'GET', '/v1/attachments/parked', 'qp'],
  ['accounts.attachments.delete', 'DELETE', '/v1/accounts/{id}/attachments/{attachment_id}', ''],
  ['accounts.attachments.retry', 'POST', '/v1/accounts/{id}/attachments/{attachment_id}/retry', ''],
  ['webhooks.list', 'GET', '/v1/webhooks', 'qp'],
  ['webhooks.create', 'POST', '/v1/webhooks', 'b'],
  ['webhooks.get', 'GET', '/v1/webhooks/{id}', ''],
  ['webhooks.replace', 'PUT', '/v1/webhooks/{id}', 'b'],
  ['webhooks.delete', 'DELETE', '/v1/webhooks/{id}', ''],
  ['webhooks.messages.list', 'GET', '/v1/webhooks/{id}/messages', 'qp'],
  ['webhooks.messages.redeliver', 'POST', '/v1/webhooks/{id}/messages/{message_id}/redeliver', ''],
  ['webhooks.audit.get', 'GET', '/v1/webhooks/{id}/audit', ''],
  ['webhooks.audit.retry', 'POST', '/v1/webhooks/{id}/audit/retry', ''],
  ['webhooks.audit.skip', 'POST', '/v1/webhooks/{id}/audit/skip', ''],
  ['audit.list', 'GET', '/v1/audit', 'qp'],
  ['audit.get', 'GET', '/v1/audit/{id}', 'q'],
  ['accounts.trail', 'GET', '/v1/accounts/{id}/trail', 'qp'],
  ['audit.proof', 'GET', '/v1/audit/{entry}/proof', ''],
  ['audit.consistency', 'GET', '/v1/audit/consistency', 'q'],
  ['log.status', 'GET', '/v1/log/status', ''],
  ['receivers.list', 'GET', '/v1/receivers', 'qp'],
  ['receivers.create', 'POST', '/v1/receivers', 'b'],
  ['receivers.get', 'GET', '/v1/receivers/{id}', ''],
  ['receivers.delete', 'DELETE', '/v1/receivers/{id}', ''],
  ['receivers.token', 'POST', '/v1/receivers/{id}/token', 'b'],
  ['ssf.streams.list', 'GET', '/v1/ssf/streams', 'qp'],
  ['ssf.streams.get', 'GET', '/v1/ssf/streams/{id}', ''],
  ['ssf.streams.deadLetters.list', 'GET', '/v1/ssf/streams/{id}/dead-letters', 'qp'],
  ['ssf.streams.status', 'POST', '/v1/ssf/streams/{id}/status', 'b'],
  ['ssf.streams.deadLetters.redeliver', 'POST', '/v1/ssf/streams/{id}/dead-letters/{dead_letter_id}/redeliver', ''],
  ['ssf.streams.deadLetters.delete', 'DELETE', '/v1/ssf/streams/{id}/dead-letters/{dead_letter_id}', ''],
  ['keys.list', 'GET', '/v1/keys', 'qp'],
  ['keys.rotate', 'POST', '/v1/keys/rotate', 'b'],
  ['keys.rewrap.get', 'GET', '/v1/keys/rewrap', ''],
  ['keys.rewrap.start', 'POST', '/v1/keys/rewrap', ''],
  ['revocations.create', 'POST', '/v1/revocations', 'b'],
  ['revocations.list', 'GET', '/v1/revocations', 'qp'],
  ['revocations.get', 'GET', '/v1/revocations/{id}', 'q'],
  ['restore', 'GET', '/v1/restore', ''],
  ['accounts.reinstate', 'POST', '/v1/accounts/{id}/reinstate', ''],
  ['agents.suspend', 'POST', '/v1/agents/{id}/suspend', ''],
  ['agents.reinstate', 'POST', '/v1/agents/{id}/reinstate', ''],
  ['trustSources.suspend', 'POST', '/v1/trust-sources/{id}/suspend', ''],
  ['trustSources.reinstate', 'POST', '/v1/trust-sources/{id}/reinstate', ''],
  ['erasures.create', 'POST', '/v1/erasures', 'b'],
  ['erasures.list', 'GET', '/v1/erasures', 'qp'],
  ['erasures.preview', 'POST', '/v1/erasures/preview', 'b'],
  ['erasures.get', 'GET', '/v1/erasures/{id}', ''],
  ['legalHolds.create', 'POST', '/v1/legal-holds', 'b'],
  ['legalHolds.list', 'GET', '/v1/legal-holds', 'qp'],
  ['legalHolds.lift', 'POST', '/v1/legal-holds/{id}/lift', ''],
  ['legalHolds.get', 'GET', '/v1/legal-holds/{id}', ''],
  ['tenants.retention.get', 'GET', '/v1/tenants/{id}/retention', ''],
  ['tenants.retention.set', 'PUT', '/v1/tenants/{id}/retention', 'b'],
  ['operators.create', 'POST', '/v1/operators', 'b'],
  ['operators.list', 'GET', '/v1/operators', 'qp'],
  ['operators.delete', 'DELETE', '/v1/operators/{id}', ''],
  ['signInProviders.list', 'GET', '/v1/sign-in-providers', 'qp'],
  ['signInProviders.create', 'POST', '/v1/sign-in-providers', 'b'],
  ['signInProviders.get', 'GET', '/v1/sign-in-providers/{id}', ''],
  ['signInProviders.replace', 'PUT', '/v1/sign-in-providers/{id}', 'b'],
  ['signInProviders.delete', 'DELETE', '/v1/sign-in-providers/{id}', ''],
  ['signInProviders.clientSecret.set', 'PUT', '/v1/sign-in-providers/{id}/client-secret', 'b'],
  ['signInProviders.clientSecret.delete', 'DELETE', '/v1/sign-in-providers/{id}/client-secret', ''],
  ['sessions.create', 'POST', '/v1/sessions', 'b'],
  ['signIn', 'GET', '/v1/sign-in', 'q'],
  ['whoami', 'GET', '/v1/whoami', ''],
  ['sessions.end', 'DELETE', '/v1/sessions/current', ''],
  ['people.list', 'GET', '/v1/people', 'qp'],
  ['people.signOut', 'POST', '/v1/people/{id}/sign-out', ''],
  ['tenants.twoPerson.get', 'GET', '/v1/tenants/{id}/two-person', ''],
  ['tenants.twoPerson.set', 'PUT', '/v1/tenants/{id}/two-person', 'b'],
  ['changes.list', 'GET', '/v1/changes', 'qp'],
  ['changes.get', 'GET', '/v1/changes/{id}', ''],
  ['changes.approve', 'POST', '/v1/changes/{id}/approve', ''],
  ['changes.reject', 'POST', '/v1/changes/{id}/reject', ''],
  ['changes.breakGlass', 'POST', '/v1/changes/{id}/break-glass', 'b'],
  ['changes.collect', 'POST', '/v1/changes/{id}/collect', ''],
]

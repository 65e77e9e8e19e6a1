import { bearerSubject, demoSubject } from './seed/registrations.ts'
import type { Core, Registered } from './stack.ts'
import { workloadTokenCommand } from './workload-token-command.ts'

/** `<state>/dev.json`: all that a client needs to be pointed at this Mayfly. Holds an operator's token, so 0600. */
export interface DevFile {
  readonly issuer: string
  readonly publicUrl: string
  readonly mtlsUrl: string
  readonly caFile: string
  readonly idpIssuer: string
  /** Tenant-admin of the first tenant; development only. */
  readonly operatorToken: string
  /** Slug. */
  readonly tenant: string
  /** `idp_…`: where `mayfly login` signs in. */
  readonly signInProvider: string
  readonly agent: {
    readonly id: string
    readonly certFile: string
    readonly keyFile: string
    /** One line for a shell; prints a workload token. Append `--run-id <id>` for another instance of the agent. */
    readonly subjectTokenCommand: string
  }
  /** URI of a key-bound resource that the agent may ask for with scope `orders:read`. */
  readonly resource: string
  /** A resource that takes each token once. */
  readonly onceResource: string
  /** An agent without a key, for clients that send the six form fields only, and a resource that takes its tokens. */
  readonly bearer: { readonly id: string; readonly subjectTokenCommand: string; readonly resource: string }
}

/** Writes it and returns its path. runId: names this start, so that each start is an instance of its own. */
export function writeDevFile(core: Core, { operator, seeded }: Registered, runId: string): string {
  const { state, tls, publicUrl, mtlsUrl, idpIssuer } = core
  const command = (subject: string): string => workloadTokenCommand({ stateDir: state.dir, subject, audience: publicUrl, runId })
  const content: DevFile = {
    issuer: publicUrl,
    publicUrl,
    mtlsUrl,
    caFile: tls.caFile,
    idpIssuer,
    operatorToken: operator.token,
    tenant: operator.tenant.slug,
    signInProvider: seeded.signInProviderId,
    agent: {
      id: seeded.agentId,
      certFile: tls.agent.certFile,
      keyFile: tls.agent.keyFile,
      subjectTokenCommand: command(demoSubject),
    },
    resource: seeded.uris.orders,
    onceResource: seeded.uris.refunds,
    bearer: { id: seeded.bearerAgentId, subjectTokenCommand: command(bearerSubject), resource: seeded.uris.status },
  }
  state.writeSecret('dev.json', `${JSON.stringify(content, null, 2)}\n`)
  return state.path('dev.json')
}

// POST /enroll: a workload brings a proof and the public half of a key of its own, and takes a certificate of the tenant's
// built-in CA home. On both ports; to renew by the old certificate, on the one that asks for it.

import type { FastifyPluginCallback } from 'fastify'
import { type Static, Type } from 'typebox'
import { enrol } from '#core/enrolment/enrol.ts'
import type { EnrolDeps } from '#core/enrolment/enrol-deps.ts'
import type { Enrolled } from '#core/enrolment/enrol-request.ts'
import { BrokerError } from '#core/errors/broker-error.ts'
import type { TenantDirectory } from '#core/registry/directory.ts'
import { createErrorHandler, renderProblem } from '../../http/error-handler.ts'
import { acceptJsonOnly } from '../../http/json-body.ts'
import { compileSchema } from '../../http/schema-validator.ts'
import type { Peers } from '../../tls/peers.ts'
import { resolveTenant } from '../oauth/tenant-of-path.ts'
import { closed, Id, problems } from '../v1/schemas.ts'

export interface EnrolRouteDeps {
  readonly enrolment: EnrolDeps
  readonly directory: TenantDirectory
  readonly peers: Peers
}

const Body = Type.Object(
  {
    csr: Type.String({
      minLength: 1,
      maxLength: 16_384,
      description: 'PKCS #10, PEM. Only its key counts: leave subject and names out.',
    }),
    join_token: Type.Optional(Type.String({ maxLength: 128, description: 'mfj_…, as an operator made it.' })),
    subject_token: Type.Optional(
      Type.String({
        maxLength: 16_384,
        description: 'A token of a trust source, for agents whose registration says may_enroll.',
      }),
    ),
    instance: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,48}$',
        description: 'With a join token: what the instance is to be called. Its SPIFFE ID ends in it and the token’s id.',
      }),
    ),
  },
  {
    ...closed,
    examples: [
      {
        csr: '-----BEGIN CERTIFICATE REQUEST-----\n…\n-----END CERTIFICATE REQUEST-----\n',
        join_token: 'mfj_…',
        instance: 'laptop',
      },
    ],
  },
)
const Pem = (description: string) => Type.String({ description })
const Answer = Type.Object(
  {
    certificate_pem: Pem('The certificate.'),
    chain_pem: Pem('What to present in TLS: the certificate, and what stands between it and the CA.'),
    ca_pem: Pem('Certificates of the CA: that of today, the one before, the one to come.'),
    spiffe_id: Type.String(),
    agent: Id('agent'),
    not_after: Type.String({ description: 'RFC 3339, UTC.' }),
    renew_after: Type.String({ description: 'Half of its life: renew then. RFC 3339, UTC.' }),
  },
  closed,
)

const schema = {
  tags: ['enrolment'],
  summary: 'Get a certificate for an agent, or renew one',
  description: 'Proof: a join token, a workload’s token, or on the mTLS port the certificate that is to be renewed.',
  security: [],
  body: Body,
  response: { 201: Answer, ...problems },
}

const handlerTimeoutMs = 15_000

export const enrolRoutes: FastifyPluginCallback<EnrolRouteDeps> = (app, { enrolment, directory, peers }, done) => {
  app.setErrorHandler(createErrorHandler(renderProblem, app.logger))
  app.setValidatorCompiler(compileSchema)
  acceptJsonOnly(app)
  for (const url of ['/enroll', '/t/:slug/enroll'])
    app.post<{ Params: { slug?: string }; Body: Static<typeof Body> }>(
      url,
      { schema, attachValidation: true, handlerTimeout: handlerTimeoutMs },
      async (request, reply) => {
        const snapshot = await resolveTenant(directory, request.params.slug)
        const caller = { certificate: peers.certificateOf(request.raw), address: peers.addressOf(request.raw) }
        // What cannot even be read is junk like any other.
        if (request.validationError) {
          enrolment.rejections.count(snapshot.tenant.id, caller.address, 'malformed_request')
          throw request.validationError
        }
        if (request.headers.authorization !== undefined)
          throw new BrokerError('malformed_request', { hint: 'Authorization is not used here; the proof stands in the body.' })
        const { csr, join_token: joinToken, subject_token: subjectToken, instance } = request.body
        const enrolled = await enrol(enrolment, { snapshot, caller, request: { csr, joinToken, subjectToken, instance } })
        return reply.code(201).header('cache-control', 'no-store').send(toAnswer(enrolled))
      },
    )
  done()
}

const toAnswer = (enrolled: Enrolled): Static<typeof Answer> => ({
  certificate_pem: enrolled.certificatePem,
  chain_pem: enrolled.chainPem,
  ca_pem: enrolled.caPem,
  spiffe_id: enrolled.spiffeId,
  agent: enrolled.clientId,
  not_after: new Date(enrolled.notAfterMs).toISOString(),
  renew_after: new Date(enrolled.renewAfterMs).toISOString(),
})

// mayfly agent enroll: a key that stays here, and a certificate for it that never grows old.

import { UsageError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { readNamedFile } from '../config/private-file.ts'
import type { Issued } from '../enrol/enrolment-client.ts'
import { openIdentityFolder } from '../enrol/identity-folder.ts'
import { describeIdentity, type Enrolment, type How, obtain, stayEnrolled } from '../enrol/keep-enrolled.ts'

export const command: Command = {
  name: 'agent enroll',
  summary: 'get a client certificate for this workload, and keep it fresh',
  about: [
    'Makes a key in DIR (key.pem, only for you), has it certified by the broker (cert.pem) and stores the authority (ca.pem).',
    'state.json there says who this is, until when, and when it will be renewed.',
    'Needs no operator: a join token, or a token of the platform that the workload runs on, is the proof.',
    'Where DIR holds a certificate that is still valid it is renewed with that, and the token is left alone.',
    'With --watch it stays and renews at half of each certificate’s life, through restarts of the broker.',
  ].join('\n'),
  options: {
    dir: { type: 'string', value: 'DIR', required: true, summary: 'where key and certificate are kept' },
    'join-token-file': { type: 'string', value: 'FILE', summary: 'a file with the join token; - is standard input' },
    'join-token': { type: 'string', value: 'TOKEN', summary: 'the join token itself; others on this machine may see it' },
    'subject-token-file': { type: 'string', value: 'FILE', summary: 'a file with a workload token: Kubernetes, CI' },
    instance: { type: 'string', value: 'NAME', summary: 'with a join token: how its SPIFFE ID begins to name this instance' },
    watch: { type: 'boolean', summary: 'stay, and renew the certificate in time' },
  },
  examples: [
    {
      text: 'on a laptop or a VM',
      command: 'mayfly agent enroll --join-token-file join-token --dir /var/lib/mayfly/report --watch',
    },
    {
      text: 'in a Kubernetes pod',
      command: 'mayfly agent enroll --subject-token-file /var/run/secrets/tokens/mayfly --dir /run/mayfly --watch',
    },
    { text: 'renew once, by the certificate that is there', command: 'mayfly agent enroll --dir /var/lib/mayfly/report' },
  ],
  run,
}

async function run(context: Context): Promise<void> {
  const { io, flags, print } = context
  const dir = flags.text('dir')
  if (!dir) throw new UsageError({ what: 'Where to keep the key? --dir DIR is missing.' })
  const enrolment: Enrolment = {
    connection: context.connection(),
    folder: openIdentityFolder(resolvePath(io, dir)),
    token: await tokenReader(context),
    instance: flags.text('instance'),
  }
  const show = (issued: Issued, how: How): object => describeIdentity(enrolment.folder, issued, how)
  if (!flags.has('watch')) {
    const { issued, how } = await print.progress('Asking for a certificate', () => obtain(io, enrolment))
    return print.thing(show(issued, how))
  }
  await stayEnrolled(io, enrolment, {
    onIssued: (issued, how) => {
      if (print.json) print.jsonLine(show(issued, how))
      else print.note(`${how}: ${issued.spiffe_id} until ${issued.not_after}, to be renewed at ${issued.renew_after}`)
    },
    onUnavailable: ({ failure }, againInMs) => {
      print.note(`${failure.what} ${failure.why ?? ''} Trying again in ${Math.ceil(againInMs / 1000)} s.`)
    },
  })
}

/** Reads the token when it is needed: a platform replaces its files, and standard input is read once. */
async function tokenReader({ io, flags }: Context): Promise<Enrolment['token']> {
  const [literal, joinFile, subjectFile] = ['join-token', 'join-token-file', 'subject-token-file'].map(name => flags.text(name))
  if ([literal, joinFile, subjectFile].filter(given => given !== undefined).length > 1)
    throw new UsageError({ what: 'Give one of --join-token-file, --join-token and --subject-token-file.' })
  if (flags.text('instance') !== undefined && literal === undefined && joinFile === undefined)
    throw new UsageError({ what: '--instance goes with a join token.', why: 'Otherwise the proof says which instance this is.' })
  if (subjectFile !== undefined) return () => ({ subject_token: readNamedFile(resolvePath(io, subjectFile)).trim() })
  const input = joinFile === '-' ? (await io.readInput()).trim() : literal
  if (input !== undefined) return () => ({ join_token: input })
  if (joinFile !== undefined) return () => ({ join_token: readNamedFile(resolvePath(io, joinFile)).trim() })
  return () => undefined
}

import type { Command, Context } from '../command.ts'

/** `mayfly audit show`: one entry, with what is sealed in it. */
export const auditShow: Command = {
  name: 'audit show',
  summary: 'Show one entry of the audit log',
  about:
    'Its receipt is the hash of its leaf, of a token its evt claim. mayfly audit proof shows that it stands in the sealed log.',
  arguments: [{ name: 'entry', summary: 'its position in the log, or its id' }],
  options: {
    private: { type: 'boolean', summary: 'also what is sealed: addresses, foreign subjects, what was asked' },
    tenant: { type: 'string', value: 'ID', summary: 'whose log, where you see more than one tenant' },
  },
  operations: ['GET /v1/audit/{id}'],
  examples: [{ text: 'with where it came from', command: 'mayfly audit show 20417 --private' }],
  run,
}

async function run(context: Context): Promise<void> {
  const { print, args, flags } = context
  const tenant = flags.text('tenant')
  const query = { ...(flags.has('private') && { private: 'open' }), ...(tenant !== undefined && { tenant }) }
  const path = `/v1/audit/${encodeURIComponent(args['entry']!)}`
  const { body } = await print.progress('Looking', () => context.broker().call('audit show', { method: 'GET', path, query }))
  print.thing(body)
}

// `mayfly bootstrap`: from the token that the first start wrote to the first tenant and its operators.

import { existsSync, rmSync } from 'node:fs'
import { Broker, type Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import type { Command, Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { writePrivateFile } from '../config/private-file.ts'
import { readSource } from '../v1/read-body.ts'

export const bootstrap: Command = {
  name: 'bootstrap',
  summary: 'Redeem the bootstrap token: first tenant, first operators',
  about: `The broker's first start wrote the token into a file. It works once, for an hour. The two operator tokens that come of it go
into files that only you can read: FOLDER/platform-admin.token and FOLDER/tenant-admin.token.`,
  options: {
    'token-file': {
      type: 'string',
      value: 'FILE',
      required: true,
      summary: 'the file that the broker wrote; - is standard input',
    },
    slug: { type: 'string', value: 'SLUG', required: true, summary: 'of the first tenant' },
    name: { type: 'string', value: 'NAME', required: true, summary: 'of the first tenant' },
    out: { type: 'string', value: 'FOLDER', required: true, summary: 'where the two tokens go' },
  },
  examples: [
    {
      text: 'once, after the first start',
      command: 'mayfly bootstrap --token-file bootstrap-token --slug acme --name "Acme Ltd" --out ~/mayfly-tokens',
    },
  ],
  operations: ['POST /v1/bootstrap'],
  run,
}

/** The answer comes once: find out now whether it can be kept, and that no earlier one is lost. */
function checkFolder(folder: string): void {
  const there = ['platform-admin', 'tenant-admin'].map(role => `${folder}/${role}.token`).find(file => existsSync(file))
  if (there)
    throw new CliError({ what: `${there} is there already.`, why: 'It may hold a token.', next: 'Choose another folder.' })
  const probe = `${folder}/.writable`
  writePrivateFile(probe, '')
  rmSync(probe)
}

async function run(context: Context): Promise<void> {
  const { io, flags, print } = context
  const token = (await readSource(context, flags.text('token-file')!)).trim()
  const folder = resolvePath(io, flags.text('out')!)
  checkFolder(folder)
  const broker = new Broker({ ...context.connection(), token }, io.signal)
  try {
    const tenant = { slug: flags.text('slug')!, name: flags.text('name')! }
    const { body } = await broker.call('bootstrap', { method: 'POST', path: '/v1/bootstrap', body: { tenant } })
    const operators = (body['operators'] as readonly Thing[]).map(({ token: secret, ...rest }) => {
      const file = `${folder}/${rest['role']}.token`
      writePrivateFile(file, `${secret}\n`)
      return { ...rest, token_file: file }
    })
    print.thing({ ...body, operators })
  } finally {
    await broker.close()
  }
}

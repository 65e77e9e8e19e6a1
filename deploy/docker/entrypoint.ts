// What the container's first argument stands for. One image, one role a container; the role runs in this very process, so that
// signals reach it.

import { existsSync } from 'node:fs'

/** Made with the image (`bundle-broker.ts`). Elsewhere there are only the sources. */
const bundle = new URL('../../bundle/broker.js', import.meta.url)

const roles: Record<string, { about: string; run: () => Promise<unknown> }> = {
  broker: { about: 'the HTTPS API', run: () => import(existsSync(bundle) ? bundle.href : '#apps/broker/main.ts') },
  worker: { about: 'what must happen some time, in nobody’s request', run: () => startWorker() },
  'guard-proxy': { about: 'say to nginx or Envoy whether a request may pass', run: () => import('#apps/guard-proxy/main.ts') },
  migrate: {
    about: 'bring the database to this version, then exit',
    run: () => import('#deploy/migrate.ts').then(m => m.main()),
  },
  restore: {
    about: 'begin anew after a backup was restored, then exit',
    run: () => import('#deploy/restore.ts').then(m => m.main(process.argv.slice(3))),
  },
  idp: { about: 'a small OpenID provider, for development only', run: () => import('#apps/idp/main.ts') },
  'workload-token': { about: 'print a token of that provider', run: () => printWorkloadToken() },
  mayfly: { about: 'the command line: mayfly agent enroll …', run: () => startCommandLine() },
  setup: { about: 'make the secrets of docker-compose.yml, then exit', run: () => import('./setup/main.ts') },
  health: {
    about: 'say by the exit code whether the role given next is well',
    run: () => import('./health.ts').then(m => m.main()),
  },
}

async function startWorker(): Promise<void> {
  const { keepAliveFile } = await import('./alive.ts')
  keepAliveFile()
  await import('#apps/worker/main.ts')
}

/** Its words stand behind the role's name. */
function startCommandLine(): Promise<unknown> {
  process.argv.splice(2, 1)
  return import('#apps/cli/main.ts')
}

async function printWorkloadToken(): Promise<void> {
  const { printWorkloadToken: print } = await import('#apps/idp/print-workload-token.ts')
  const state = process.env['MAYFLY_STATE_DIR'] ?? '.mayfly'
  const token = await print(['--state', state, ...process.argv.slice(3)], Math.floor(Date.now() / 1000))
  process.stdout.write(`${token}\n`)
}

const [name = ''] = process.argv.slice(2)
const role = Object.hasOwn(roles, name) ? roles[name] : undefined
if (role) {
  await role.run()
} else {
  const lines = Object.entries(roles).map(([key, { about }]) => `  ${key.padEnd(14)}  ${about}`)
  process.stderr.write(`${name ? `There is no role ${JSON.stringify(name)}.` : 'Name a role.'}\n\n${lines.join('\n')}\n`)
  process.exitCode = 64
}

import { readLogSize } from '#db/log/read-entries.ts'
import { registerAll, startCore } from '../../stack.ts'
import type { Step } from '../story.ts'

export const start: Step = {
  name: 'start',
  why: 'One command. Nothing is installed, nothing leaves this machine.',
  async run(story) {
    const { setting } = story
    story.core = await startCore({ ...setting, databaseUrl: undefined, redisUrl: undefined, postgresPort: undefined })
    story.logSize = await readLogSize(story.core.broker.deps.database.sql)
    const { publicUrl, mtlsUrl } = story.core
    return {
      said: `PostgreSQL, broker, worker, OpenID provider: ${publicUrl}`,
      facts: { issuer: publicUrl, mtls_url: mtlsUrl },
    }
  },
}

export const register: Step = {
  name: 'register',
  why: 'Who may come, and the most they may ever get, is settled beforehand.',
  async run(story) {
    story.registered = await registerAll(story.core, story.setting.ports)
    const { seeded } = story.registered
    return {
      said: 'POST /v1/…: 2 trust sources, 3 APIs, 3 agents with their ceilings',
      facts: { agent: seeded.agentId, resource: seeded.uris.orders },
    }
  },
}

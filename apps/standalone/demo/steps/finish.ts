import { readEntries, readLogSize } from '#db/log/read-entries.ts'
import { expectThat } from '../expect.ts'
import { findLogFaults, findUntraced } from '../find-traces.ts'
import type { Step } from '../story.ts'
import { nearPath } from './near-path.ts'

export const log: Step = {
  name: 'log',
  why: 'Every receipt leads to its leaf, every hash was computed again.',
  async run(story) {
    await story.registered.ordersApi.report()
    const { sql } = story.core.broker.deps.database
    const size = await readLogSize(sql)
    const entries = await readEntries(sql, story.logSize, size - story.logSize)
    expectThat(entries.length === size - story.logSize, `the log has ${size - story.logSize} leaves and shows ${entries.length}`)
    const [fault] = findLogFaults(entries, story.logSize)
    expectThat(fault === undefined, `the log is not whole: ${fault}`)
    const [untraced] = findUntraced(story.evidence, entries)
    expectThat(untraced === undefined, `the log holds no trace of ${untraced?.step} (${untraced?.kind})`)
    const count = (kind: string): number => story.evidence.filter(deed => deed.kind === kind).length
    const [issued, denied, decisions, events] = [count('issued'), count('denied'), count('decision'), count('event')]
    return {
      said: `${story.evidence.length} deeds were looked for, each one found among ${entries.length} leaves`,
      facts: { leaves: entries.length, issued, denied, decisions, events },
    }
  },
}

export const stop: Step = {
  name: 'stop',
  why: 'Killed instead, it would have lost nothing that it ever answered.',
  async run(story) {
    await story.core.closing.disposeAsync()
    const { dir } = story.setting.state
    return { said: `everything has ended; data stays in ${nearPath(dir)}`, facts: { state_dir: dir } }
  },
}

import { expect, test } from 'vitest'
import { openOutbound, readOutboundSettings } from '#apps/process/outbound-settings.ts'

test('networks inside are read, and a word that is none is complained of by name', () => {
  const problems: string[] = []
  const text = '10.20.0.0/16, fd12::/48 localhost 10.0.0.1/8'
  const { outboundNetworks } = readOutboundSettings({ MAYFLY_OUTBOUND_NETWORKS: text }, problems)
  expect(outboundNetworks).toHaveLength(2)
  expect(problems.map(problem => problem.split(' ')[1])).toEqual(['localhost', '10.0.0.1/8'])
})

test('26: nothing said, nothing inside is reached; what is said never opens the own stores', async () => {
  const stores = {
    databaseUrl: 'postgres://app:x@127.0.0.1:5433/mayfly',
    redisUrl: 'redis://127.0.0.1',
    queueDatabaseUrl: undefined,
  }
  await expect(openOutbound({ ...readOutboundSettings({}, []), ...stores })('127.0.0.1', 9)).rejects.toThrow(
    /not a public address/,
  )
  const opened = openOutbound({ ...readOutboundSettings({ MAYFLY_OUTBOUND_NETWORKS: '127.0.0.0/8' }, []), ...stores })
  expect(await opened('127.0.0.1', 9)).toEqual({ address: '127.0.0.1', family: 4 })
  for (const port of [5433, 6379]) await expect(opened('127.0.0.1', port)).rejects.toThrow(/store of Mayfly itself/)
})

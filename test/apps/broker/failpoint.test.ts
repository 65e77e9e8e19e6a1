import { beforeAll, describe, expect, test } from 'vitest'
import { readBrokerConfig } from '#apps/broker/config.ts'
import { createFailpoint, findFailpointFault, parseFailpoint } from '#apps/broker/failpoint.ts'
import { createDevCa, issueServerCertificate } from '#apps/standalone/dev-ca.ts'

let development: { readonly certPem: string; readonly keyPem: string }
beforeAll(async () => {
  const now = new Date()
  const issued = await issueServerCertificate(await createDevCa({ now }), { hosts: ['localhost'], now })
  development = { certPem: issued.chainPem, keyPem: issued.keyPem }
})

const environment = (changes: Record<string, string>) => ({
  DATABASE_URL: 'postgres://mayfly_app@127.0.0.1/mayfly',
  MAYFLY_TLS_CERT: development.certPem,
  MAYFLY_TLS_KEY: development.keyPem,
  MAYFLY_KEK: Buffer.alloc(32).toString('base64url'),
  MAYFLY_FAILPOINT: 'after-commit:3',
  ...changes,
})

const refusal = (env: Record<string, string>): string => {
  try {
    readBrokerConfig(env)
    return 'none'
  } catch (error) {
    return (error as { hint?: string }).hint ?? String(error)
  }
}

describe('a failpoint', () => {
  test('is taken in development', () => {
    expect(readBrokerConfig(environment({})).failpoint).toEqual({ name: 'after-commit', hit: 3 })
  })

  test.each([['MAYFLY_MODE'], ['NODE_ENV']])('stops the start when %s says production', name => {
    expect(refusal(environment({ [name]: 'production' }))).toMatch(/MAYFLY_FAILPOINT ends the process on purpose/)
  })

  test('is refused with any certificate that was not made for development', () => {
    expect(findFailpointFault('after-commit', { tls: { certPem: '' } }, false)).toHaveLength(1)
  })

  test.each([['no-such-name'], ['after-commit:0'], ['after-commit:x'], ['after-commit;rm'], ['AFTER-COMMIT']])(
    'is refused when it is written %s',
    text => {
      expect(refusal(environment({ MAYFLY_FAILPOINT: text }))).toMatch(/MAYFLY_FAILPOINT must be one of/)
    },
  )

  test('is absent, and so costs nothing, when none is set', () => {
    expect(createFailpoint(parseFailpoint(undefined))).toBeUndefined()
    expect(readBrokerConfig(environment({ MAYFLY_FAILPOINT: '' })).failpoint).toBeUndefined()
  })
})

import { readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { commands } from '#apps/cli/commands.ts'
import type { Io } from '#apps/cli/io.ts'
import { operations } from '#apps/cli/v1/operations.ts'
import { useBroker } from '#test/setup/use-broker.ts'
import { environmentOf, usePerson } from '../use-cli.ts'

const broker = useBroker()
const person = usePerson()
const mayfly = (words: readonly string[], changes: Partial<Io> = {}) =>
  person.mayfly(words, { env: environmentOf(broker, person), ...changes })

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
}
interface OperationObject {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
  readonly responses: Readonly<Record<string, unknown>>
}
interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
}

async function openApi(): Promise<OpenApi> {
  return (await broker.https.send(`${broker.running.issuer}/openapi.json`)).body
}

describe('the table of operations', () => {
  test('has every operation of /v1, and none that is not there', async () => {
    const { paths } = await openApi()
    const there = Object.entries(paths)
      .filter(([path]) => path.startsWith('/v1/'))
      .flatMap(([path, methods]) => Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`))
    // For resources, with their own credential; guards call these.
    const notForOperators = there.filter(name => /\/v1\/(decisions|consume|introspect|feed)/.test(name))
    const known = [
      ...operations.map(({ method, path }) => `${method} ${path}`),
      ...commands.flatMap(each => each.operations ?? []),
    ]
    expect([...new Set(known)].sort()).toEqual(there.filter(name => !notForOperators.includes(name)).sort())
  })

  test('takes bodies where the broker does, and its flags are members there', async () => {
    const { paths } = await openApi()
    for (const { name, method, path, file, flags = {}, body = {}, query = {} } of operations) {
      const operation = paths[path]![method.toLowerCase()]!
      const schema = operation.requestBody?.content['application/json'].schema
      const members = [...Object.values(flags).map(({ member }) => member), ...Object.keys(body)]
      expect([name, schema !== undefined]).toEqual([name, file === true || members.length > 0])
      if (schema?.properties) for (const member of members) expect(schema.properties, name).toHaveProperty(member)
      const required = Object.values(flags).filter(flag => flag.required)
      if (Object.keys(flags).length > 0)
        expect([name, required.map(({ member }) => member).sort()]).toEqual([name, [...(schema?.required ?? [])].sort()])
      const parameters = operation.parameters ?? []
      for (const { member } of Object.values(query))
        expect(parameters, name).toContainEqual(expect.objectContaining({ in: 'query', name: member }))
    }
  })

  test('reads every list', async () => {
    const lists = operations.filter(({ answer, parts }) => answer === 'list' && !parts)
    for (const { name } of lists) {
      const { code, out, err } = await mayfly([...name.split(' '), '--json'])
      expect([name, code, err]).toEqual([name, 0, ''])
      expect(Array.isArray(JSON.parse(out).items)).toBe(true)
    }
  })
})

describe('a registration', () => {
  const source = 'kind: pinned\nname: laptops\n'

  test('is created from a file, found by name, edited, sent back and deleted', async () => {
    const made = await mayfly(['trust-sources', 'create', '-f', person.file('source.yaml', source), '--json'])
    expect([made.code, made.json()]).toMatchObject([0, { kind: 'pinned', name: 'laptops' }])
    const shown = await mayfly(['trust-sources', 'get', 'laptops'])
    expect(shown.out).toContain('kind: pinned')
    const edited = shown.out.replace('name: laptops', 'name: notebooks')
    const updated = await mayfly(['trust-sources', 'update', 'laptops', '-f', '-'], { readInput: async () => edited })
    expect([updated.code, updated.err]).toEqual([0, ''])
    expect((await mayfly(['trust-sources', 'list'])).out).toMatch(/notebooks\tpinned/)
    expect((await mayfly(['trust-sources', 'delete', 'notebooks', '--yes'])).code).toBe(0)
    expect((await mayfly(['trust-sources', 'get', 'notebooks'])).err).toContain('There is no trust source "notebooks"')
  })

  test('is not deleted unasked', async () => {
    const { code, err } = await mayfly(['agents', 'delete', 'bearer-agent'])
    expect([code, err]).toMatchObject([2, expect.stringContaining('Add --yes')])
  })

  test('that the broker refuses is told with what is wrong and what to do, as JSON too', async () => {
    const path = person.file('bad.yaml', 'kind: pinned\n')
    const told = await mayfly(['trust-sources', 'create', '-f', path])
    expect(told).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/refused \(400 validation_failed\)[\s\S]*name[\s\S]*What to do/),
    })
    const json = await mayfly(['trust-sources', 'create', '-f', path, '--json'])
    expect(JSON.parse(json.err).error).toMatchObject({ status: 400, code: 'validation_failed' })
  })
})

describe('a secret', () => {
  test('goes into a file that only its owner reads', async () => {
    const ran = await mayfly([
      'operators',
      'create',
      '--name',
      'ci',
      '--role',
      'auditor',
      '--expires-in',
      '7d',
      '--out',
      'token',
      '--json',
    ])
    expect([ran.code, ran.json().token]).toEqual([0, undefined])
    const file = `${person.home}/token`
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const token = readFileSync(file, 'utf8').trim()
    expect(ran.out).not.toContain(token)
    const env = environmentOf(broker, person, token)
    expect((await mayfly(['whoami', '--json'], { env })).json()).toMatchObject({ role: 'auditor', kind: 'token' })
    expect((await mayfly(['agents', 'create', '-f', person.file('a.yaml', '{}')], { env })).err).toContain('(403')
  })
})

describe('a change that needs two people', () => {
  test('is told to wait, with the next step', async () => {
    const provider =
      'name: login\nissuer: https://login.example\nclient_id: mayfly\ngroups_claim: groups\nrules: [{group: a, role: auditor}]\n'
    expect((await mayfly(['sign-in-providers', 'create', '-f', person.file('p.yaml', provider)])).code).toBe(0)
    expect((await mayfly(['two-person', 'set', '--classes', 'trust', '--json'])).json()).toEqual({ classes: ['trust'] })
    const { code, out, err } = await mayfly([
      'trust-sources',
      'create',
      '-f',
      person.file('s.yaml', 'kind: pinned\nname: later\n'),
    ])
    expect([code, out]).toMatchObject([0, expect.stringContaining('status: waiting')])
    const [id] = /chg_[0-9a-f]{32}/.exec(out)!
    expect(err).toContain(`mayfly changes approve ${id}`)
    expect((await mayfly(['changes', 'list', '--status', 'waiting'])).out).toContain(id)
    expect((await mayfly(['changes', 'get', id, '--json'])).json()).toMatchObject({ status: 'waiting', body: { name: 'later' } })
    const asked: string[] = []
    const unsure = await mayfly(['changes', 'break-glass', id, '--reason', 'a test'], {
      terminal: { in: true, out: false, err: true },
      ask: async (question: string) => {
        asked.push(question)
        return 'n'
      },
    })
    expect([unsure.code, unsure.err]).toMatchObject([1, expect.stringMatching(/name: later[\s\S]*Nothing was changed/)])
    expect(asked).toEqual([expect.stringContaining(id)])
    const forced = await mayfly(['changes', 'break-glass', id, '--reason', 'a test', '--yes', '--json'])
    expect([forced.code, forced.json().status]).toEqual([0, 'applied'])
  })
})

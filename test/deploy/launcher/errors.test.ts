import { readFileSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { COMMANDS, helpText } from '#deploy/launcher/commands.js'
import { Fixture } from './fixture.ts'

let project: Fixture
beforeEach(() => {
  project = new Fixture()
})
afterEach(() => project.remove())

test.each([
  [
    'offline',
    'npm error code ENOTFOUND\nnpm error network request to https://registry failed',
    /cannot be reached/,
    /HTTPS_PROXY/,
  ],
  [
    'a lockfile that does not fit',
    'npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync\nnpm error Missing: x@1',
    /do not fit together/,
    /npm install/,
  ],
  ['a package with other contents', 'npm error code EINTEGRITY', /does not have the contents/, /do not go on/],
  ['a full disk', 'npm error code ENOSPC', /disk is full/, /Free/],
  ['a TLS proxy', 'npm error code SELF_SIGNED_CERT_IN_CHAIN', /not trusted here/, /NODE_EXTRA_CA_CERTS/],
  ['no access', 'npm error code E403', /refuses access/, /registry/],
  ['a mirror that lacks a package', 'npm error code E404', /does not have a package/, /mirror/],
  ['a folder that may not be written', 'npm error code EACCES', /may not write/, /folder/],
  ['something unknown', 'npm error strange', /ended with code 3/, /Correct what npm names/],
])('says what, why and what to do: %s', async (_, say, why, remedy) => {
  project.npm({ say, code: 3 })
  const { code, stdout, stderr } = await project.launch(['test'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/✖ The dependencies cannot be installed/)
  expect(stderr).toMatch(new RegExp(`Why: .*${why.source}`))
  expect(stderr).toMatch(new RegExp(`What to do: .*${remedy.source}`))
  expect(stderr).toContain(say.split('\n')[0])
})

test('an interrupted installation is not taken for a whole one', async () => {
  project.npm({ say: 'npm error strange', code: 3 })
  await project.launch(['test'])
  project.npm({})
  expect((await project.launch(['test'])).code).toBe(0)
})

test('says so when there is no npm', async () => {
  const { code, stderr } = await project.launch(['test'], { PATH: project.root })
  expect(code).toBe(1)
  expect(stderr).toMatch(/npm cannot be started[\s\S]*no program "npm" in PATH/)
})

test('says so when the lockfile is missing', async () => {
  rmSync(project.path('package-lock.json'))
  expect((await project.launch(['test'])).stderr).toMatch(/package-lock\.json is missing/)
})

test.each(['nonsense', '__proto__', 'toString'])('names the commands when asked for %s', async name => {
  const { code, stderr } = await project.launch([name])
  expect(code).toBe(1)
  expect(stderr).toMatch(/There is no command[\s\S]*demo, start, mayfly, test/)
})

test('help shows every command with an example, and every npm script is one of them', async () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect((await project.launch(['--help'])).stdout).toBe(helpText())
  for (const [name, { example }] of Object.entries(COMMANDS)) {
    expect(helpText()).toContain(example)
    expect(scripts[name]).toBe(`node deploy/launcher/launch.js ${name}`)
  }
})

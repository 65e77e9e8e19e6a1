// Every command that goes through the launcher. `run`: programs, each a path in the project with its first arguments, one after
// the other; what the user adds goes to the last. `json`: `npm run <name> --json` works as `npm run <name> -- --json` does.
// `stays`: one program, run in the caller's folder instead of the project's. `console`: the console's pages are built before.

/** @typedef {{ about: string, example: string, run: string[][], json?: true, stays?: true, console?: true }} Command */

const TSC = 'node_modules/typescript/bin/tsc'

/** @type {Record<string, Command>} */
export const COMMANDS = {
  demo: {
    about: 'tell the whole story end to end, then exit',
    example: 'npm run demo -- --json',
    run: [['apps/standalone/demo.ts']],
    json: true,
    console: true,
  },
  start: {
    about: 'start Mayfly with its own PostgreSQL and stay up',
    example: 'MAYFLY_PORT=9443 npm start',
    run: [['apps/standalone/main.ts']],
    console: true,
  },
  mayfly: {
    about: 'the command line: npx mayfly --help',
    example: 'npm run -s mayfly -- agents list',
    run: [['apps/cli/main.ts']],
    stays: true,
    json: true,
  },
  test: {
    about: 'run the tests',
    example: 'npm test -- test/core',
    run: [['node_modules/vitest/vitest.mjs', 'run']],
    console: true,
  },
  'test:containers': {
    about: 'bring docker-compose.yml up for real and walk through it',
    example: 'npm run test:containers -- --keep',
    run: [['test/e2e/compose.ts']],
    json: true,
  },
  bench: {
    about: 'measure speed beside a known peer',
    example: 'npm run bench -- --json',
    run: [['test/bench/run.ts']],
    json: true,
  },
  chaos: {
    about: 'kill PostgreSQL under load, again and again',
    example: 'npm run chaos -- --kills 1000 --json',
    run: [['test/chaos/run.ts']],
    json: true,
  },
  'bench:accounts': {
    about: 'measure whether speed depends on how many accounts live, and what one weighs',
    example: 'npm run bench:accounts -- --many 1000000',
    run: [['test/bench/accounts.ts']],
    json: true,
  },
  'bench:reaper': {
    about: 'measure how fast and how late accounts are collected',
    example: 'npm run bench:reaper -- --due 100000',
    run: [['test/bench/reaper.ts']],
    json: true,
  },
  'bench:audit': {
    about: 'measure pages of a log of ten million entries, and what an entry takes',
    example: 'npm run bench:audit -- --entries 1000000',
    run: [['test/bench/audit.ts']],
    json: true,
  },
  'bench:issuing': {
    about: 'measure tokens a second while the log is sealed beside it, and while it is not',
    example: 'npm run bench:issuing -- --rounds 6',
    run: [['test/bench/issuing.ts']],
    json: true,
  },
  'bench:log': {
    about: 'measure what an event costs after it is logged: sealing and projecting, in processor time',
    example: 'npm run bench:log -- --events 50000',
    run: [['test/bench/log.ts']],
    json: true,
  },
  'bench:seal': {
    about: 'measure how long events wait to be sealed, and what an event takes',
    example: 'npm run bench:seal -- --rate 5000',
    run: [['test/bench/seal.ts']],
    json: true,
  },
  'bench:tenants': {
    about: 'measure whether speed depends on how many tenants, agents and authorities there are',
    example: 'npm run bench:tenants -- --tenants 50',
    run: [['test/bench/tenants.ts']],
    json: true,
  },
  'bench:guard': {
    about: 'measure a guarded route beside the same route bare',
    example: 'npm run bench:guard -- --json',
    run: [['test/bench/guard.ts']],
    json: true,
  },
  'bench:verify': {
    about: 'measure how many events of an export a core verifies in a second',
    example: 'npm run bench:verify -- --events 1000000 --python',
    run: [['test/bench/verify.ts']],
    json: true,
  },
  'bench:feed': {
    about: 'measure what open streams of the revocation feed cost a broker',
    example: 'npm run bench:feed -- --streams 2000',
    run: [['test/bench/feed.ts']],
    json: true,
  },
  'bench:revocation': {
    about: 'measure how long a revoked token still works at a hundred guards',
    example: 'npm run bench:revocation -- --json',
    run: [['test/bench/revocation/run.ts']],
    json: true,
  },
  lint: {
    about: 'check style and format',
    example: 'npm run lint -- --write',
    run: [['node_modules/@biomejs/biome/bin/biome', 'check']],
  },
  types: {
    about: 'check the types',
    example: 'npm run types',
    run: [
      [TSC, '--noEmit', '-p', 'tsconfig.json'],
      [TSC, '--noEmit', '-p', 'apps/console'],
      [TSC, '--noEmit', '-p', 'packages/guard/tsconfig.test.json'],
      [TSC, '--noEmit', '-p', 'packages/client/tsconfig.test.json'],
    ],
  },
  drift: {
    about: 'check that the generated schema files fit the migrations',
    example: 'npm run drift',
    run: [['test/setup/drift.ts']],
  },
  'client:generate': {
    about: "write the types of packages/client from the broker's OpenAPI document",
    example: 'npm run client:generate',
    run: [['node_modules/vitest/vitest.mjs', 'run', 'test/client/generated.test.ts', '--update']],
  },
  'events:generate': {
    about: 'write docs/events.md from the catalogue of events',
    example: 'npm run events:generate',
    run: [['node_modules/vitest/vitest.mjs', 'run', 'test/core/audit/catalogue/catalogue.test.ts', '--update']],
  },
  build: {
    about: 'build the packages that others install',
    example: 'npm run build',
    run: [
      [TSC, '-p', 'packages/guard'],
      [TSC, '-p', 'packages/client'],
    ],
  },
  'build:console': {
    about: 'build the pages of the console; the other commands do it by themselves',
    example: 'npm run build:console',
    run: [['deploy/launcher/build-console.js']],
  },
}

export function helpText() {
  const names = Object.keys(COMMANDS)
  const width = Math.max(...names.map(name => name.length))
  const lines = names.map(
    name => `  ${name.padEnd(width)}  ${COMMANDS[name].about}\n  ${' '.repeat(width)}    ${COMMANDS[name].example}`,
  )
  return `Mayfly: accounts and tokens for AI agents that live as long as the task.

Usage: npm run <command> [-- <arguments>]
       node deploy/launcher/launch.js <command> [<arguments>]

${lines.join('\n')}

Each installs what it needs first (locked dependencies; a newer Node when yours is older than 24), inside this folder only.
`
}

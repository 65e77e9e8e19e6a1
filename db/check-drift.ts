// `schema.ts` and `schema.sql` are committed, and must be what the migrations make.
//
//   node db/check-drift.ts <admin URL>            compares, prints the first differences, exits 1 when there are any
//   node db/check-drift.ts <admin URL> --write    writes both files
//
// The URL is a superuser's on a server where a database may be made and dropped.

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import postgres from 'postgres'
import { dumpSchema } from './dump-schema.ts'
import { generateSchema } from './generate-schema.ts'
import { prepareDatabase } from './prepare.ts'
import type { RolePasswords } from './provision-roles.ts'

const files = { 'schema.ts': generateSchema, 'schema.sql': dumpSchema }

const randomPasswords = (): RolePasswords => {
  const password = randomBytes(16).toString('hex')
  return { app: password, queue: password, migrate: password }
}

/** Text of each generated file, made from a fresh database that is dropped again. Roles belong to the server: their passwords change. */
async function regenerate(adminUrl: string, passwords: RolePasswords = randomPasswords()): Promise<Map<string, string>> {
  const name = `drift_${randomBytes(6).toString('hex')}`
  const server = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    await prepareDatabase(adminUrl, name, passwords)
    const inside = new URL(adminUrl)
    inside.pathname = `/${name}`
    const sql = postgres(inside.href, { max: 1, onnotice: () => {} })
    try {
      const texts = new Map<string, string>()
      for (const [file, make] of Object.entries(files)) texts.set(file, await make(sql))
      return texts
    } finally {
      await sql.end({ timeout: 2 })
    }
  } finally {
    await server`drop database if exists ${server(name)} with (force)`
    await server.end({ timeout: 2 })
  }
}

/** What differs between the committed files and the migrations, in lines for a human; empty when nothing does. */
export async function findDrift(adminUrl: string, passwords?: RolePasswords): Promise<string[]> {
  const found: string[] = []
  for (const [file, wanted] of await regenerate(adminUrl, passwords)) {
    const is = await readFile(new URL(file, import.meta.url), 'utf8').catch(() => '')
    found.push(...differences(file, is, wanted))
  }
  return found
}

function differences(file: string, is: string, wanted: string): string[] {
  if (is === wanted) return []
  const [isLines, wantedLines] = [is.split('\n'), wanted.split('\n')]
  const gone = isLines.filter(line => !wantedLines.includes(line)).map(line => `- ${line}`)
  const added = wantedLines.filter(line => !isLines.includes(line)).map(line => `+ ${line}`)
  return [`db/${file} is not what the migrations make:`, ...[...gone, ...added].slice(0, 40)]
}

async function main([adminUrl, flag]: string[]): Promise<number> {
  if (adminUrl === undefined || adminUrl === '--help') {
    console.error('usage: node db/check-drift.ts <admin URL> [--write]')
    return adminUrl === undefined ? 2 : 0
  }
  if (flag === '--write') {
    for (const [file, text] of await regenerate(adminUrl)) await writeFile(new URL(file, import.meta.url), text)
    return 0
  }
  const found = await findDrift(adminUrl)
  if (found.length === 0) return 0
  console.error(found.join('\n'))
  console.error('Run `npm run db:generate` and commit both files.')
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))

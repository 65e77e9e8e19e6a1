import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Thing } from '../broker/broker.ts'
import { CliError } from '../cli-error.ts'
import type { Context } from '../command.ts'
import { resolvePath } from '../config/connection.ts'
import { parseBody, readSource } from '../v1/read-body.ts'

/** The files that `-f` names, in their order; of a folder its YAML and JSON files by name, none of folders inside it. */
export async function readDocuments(context: Context): Promise<{ readonly name: string; readonly value: Thing }[]> {
  const names = context.flags.all('file').flatMap(name => filesOf(context, name))
  const documents: { name: string; value: Thing }[] = []
  for (const name of names) documents.push({ name, value: parseBody(await readSource(context, name), name) })
  return documents
}

function filesOf({ io }: Context, name: string): string[] {
  const path = resolvePath(io, name)
  if (name === '-' || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [name]
  const files = readdirSync(path, { withFileTypes: true })
    .filter(entry => !entry.isDirectory() && /^[^.].*\.(ya?ml|json)$/.test(entry.name))
    .map(entry => join(name, entry.name))
    .sort()
  if (files.length > 0) return files
  throw new CliError({ what: `The folder ${name} has no YAML and no JSON file.`, next: 'Name another folder, or a file.' })
}

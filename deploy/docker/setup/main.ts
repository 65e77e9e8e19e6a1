// The first service of docker-compose.yml: makes the secrets that are missing, hands each service its own, and exits. It is
// the only one that runs as root, without network, with no right beyond giving files to their owners.

import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeSecretFile } from '#apps/standalone/secret-file.ts'
import { type Handout, makeHandouts, ownFolders } from './handouts.ts'
import { Vault } from './vault.ts'

const root = process.env['MAYFLY_SETUP_ROOT'] || '/setup'

function hosts(): string[] {
  const own = ['MAYFLY_PUBLIC_URL', 'MAYFLY_MTLS_URL'].flatMap(name => {
    const url = process.env[name]
    return url ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : []
  })
  return [...new Set([...own, 'localhost', '127.0.0.1', 'broker'])]
}

/** How many files were new or differed. Files that are right are left alone. */
function handOut({ folder, owner, files }: Handout): number {
  const path = join(root, folder)
  own(path, owner, 0o700)
  let changed = 0
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, name)
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
      writeSecretFile(file, text)
      changed++
    }
    own(file, owner, 0o600)
  }
  return changed
}

function own(path: string, owner: number, mode: number): void {
  chmodSync(path, mode)
  chownSync(path, owner, owner)
}

const handouts = await makeHandouts(new Vault(join(root, 'vault'), new Date()), {
  database: process.env['MAYFLY_DATABASE'] || 'mayfly',
  brokerHosts: hosts(),
})
const changed = handouts.reduce((sum, handout) => sum + handOut(handout), 0)
for (const { folder, owner } of ownFolders) own(join(root, folder), owner, 0o700)
process.stdout.write(changed === 0 ? 'setup: every secret is in its place\n' : `setup: ${changed} files of secrets handed out\n`)

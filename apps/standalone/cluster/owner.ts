// PostgreSQL refuses to run as root. Started by root (a container, a laptop's sudo), the cluster therefore runs as a user that
// is already there; nothing is ever added to the system.
import { readFileSync, statSync } from 'node:fs'
import { StartupError } from '../startup-error.ts'

/** The user that PostgreSQL runs as; undefined: the one that we run as. */
export type ClusterOwner = { readonly uid: number; readonly gid: number; readonly name: string }

const CANDIDATES = ['postgres', 'nobody']

/**
 * Whom to run PostgreSQL as. Someone else only when we are root: the owner of the data if there is data already, otherwise
 * `postgres`, otherwise `nobody`.
 * @throws StartupError when we are root and the system has no unprivileged user.
 */
export function chooseOwner(dataDir: string | undefined, passwd = '/etc/passwd'): ClusterOwner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const present = dataDir === undefined ? undefined : statSync(dataDir, { throwIfNoEntry: false })
  if (present !== undefined && present.uid !== 0) return { uid: present.uid, gid: present.gid, name: `uid ${present.uid}` }
  const users = parsePasswd(readFileSync(passwd, 'utf8'))
  for (const name of CANDIDATES) {
    const user = users.get(name)
    if (user !== undefined) return user
  }
  throw new StartupError({
    what: 'PostgreSQL cannot be started.',
    why: `It refuses to run as root, and ${passwd} has neither a user "postgres" nor "nobody" to run it as.`,
    remedy: 'Start Mayfly as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
  })
}

/** Unprivileged users by name. */
export function parsePasswd(text: string): Map<string, ClusterOwner> {
  const users = new Map<string, ClusterOwner>()
  for (const line of text.split('\n')) {
    const [name, , uidText, gidText] = line.split(':')
    const uid = Number(uidText)
    const gid = Number(gidText)
    if (name && Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 && gid > 0) users.set(name, { uid, gid, name })
  }
  return users
}

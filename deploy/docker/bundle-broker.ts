// The broker as one file, for the image. As 2,500 modules it takes 45 MB more memory idle than as one: every module has records,
// paths, a namespace and a piece of the compile cache of its own. Nothing is renamed, shortened or optimised: what runs is the
// reviewed source without its types, readable, in one file whose parts still bear their names.
//
//   node deploy/docker/bundle-broker.ts bundle/broker.js

import { mkdirSync, realpathSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'

const root = resolve(import.meta.dirname, '../..')
/** Optional parts of libraries that are not installed; each library asks for them only when told to. */
const notInstalled = ['pg-native', 'msgpackr-extract', '@valkey/valkey-glide', 'bun']

/**
 * Writes the bundle to `file`. It stays bound to this folder: migrations, pages and the threads' modules are read from where they
 * are. Throws when an import cannot be resolved.
 */
export async function bundleBroker(file: string): Promise<void> {
  const folder = dirname(resolve(file))
  mkdirSync(folder, { recursive: true })
  const build = await rolldown({
    cwd: root,
    input: resolve(root, 'apps/broker/main.ts'),
    platform: 'node',
    external: notInstalled,
    plugins: [keepPlaces(realpathSync(folder))],
    onLog(_level, log) {
      if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message)
    },
  })
  try {
    // Names of functions and classes are read by libraries, and by whoever reads a stack.
    await build.write({ file, format: 'esm', codeSplitting: false, comments: false, keepNames: true, minify: false })
  } finally {
    await build.close()
  }
}

/** Each of our modules finds what lies beside it as if it still lay there itself. */
function keepPlaces(folder: string): Plugin {
  return {
    name: 'keep-places',
    transform(code, id) {
      if (!id.startsWith(root + sep) || id.includes(`${sep}node_modules${sep}`)) return null
      const place = relative(folder, id).split(sep).join('/')
      return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`)
    },
  }
}

if (import.meta.main) {
  const [file = fileURLToPath(new URL('../../bundle/broker.js', import.meta.url))] = process.argv.slice(2)
  await bundleBroker(file)
}

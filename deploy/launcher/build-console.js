// `npm run build:console`, and the stage of the image that builds it.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildConsole } from './console.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
await buildConsole(root, process.execPath)
console.log('apps/console/dist is built.')

// `npm start`: everything in one process, until it is stopped.

import './expected-warnings.ts'
import { runStart } from './start.ts'

process.exitCode = await runStart(process.argv.slice(2), process.env)
// Keep-alive connections of clients that linger must not hold an ended process.
process.exit()

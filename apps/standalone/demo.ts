// `npm run demo`: the whole story end to end, then exits.

import './expected-warnings.ts'
import { runDemo } from './demo/run-demo.ts'

process.exitCode = await runDemo(process.argv.slice(2), process.env)
process.exit()

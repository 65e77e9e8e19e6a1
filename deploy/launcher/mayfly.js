#!/usr/bin/env node
// `npx mayfly …` on any Node: the launcher brings the dependencies and a Node that is new enough, then hands over to main.ts in
// the folder that we were called from. Plain JavaScript, as it runs before either is there.
process.argv.splice(2, 0, 'mayfly')
await import('./launch.js')

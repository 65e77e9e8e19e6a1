import type { Command } from '../command.ts'

export const login: Command = {
  name: 'login',
  summary: 'Sign in through your OpenID provider',
  about: `Opens your browser at the provider; the session that comes of it is kept in the profile, in a file that only you can read.
At the development broker (npm start) the profile "development" is made for it.`,
  options: {
    device: { type: 'boolean', summary: 'no browser here: type a code on any device' },
    'no-browser': { type: 'boolean', summary: 'no browser here: open the page elsewhere, and paste the address where it ends' },
    provider: { type: 'string', value: 'NAME', summary: 'which sign-in provider, where there are several' },
    tenant: { type: 'string', value: 'SLUG', summary: 'whose sign-in providers; else the profile’s tenant, else the first' },
  },
  examples: [
    { text: 'in the browser', command: 'mayfly login' },
    { text: 'over SSH', command: 'mayfly login --device' },
    { text: 'at another broker', command: 'mayfly login --profile work' },
  ],
  operations: ['GET /v1/sign-in', 'POST /v1/sessions'],
  async run(context) {
    // Only who signs in waits for what that needs to be loaded.
    const { runLogin } = await import('../sign-in/run-login.ts')
    await runLogin(context)
  },
}

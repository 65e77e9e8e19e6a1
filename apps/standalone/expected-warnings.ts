// oidc-provider warns on stderr that its memory adapter forgets, which a development provider may, and that Node is not an
// LTS release. Neither helps whoever runs `npm start`, so these two are left out; imported for its effect, before it.

const expected = /oidc-provider WARNING: (?:Unsupported runtime|a quick start development-only in-memory adapter)/
const warn = console.warn

console.warn = (...words: unknown[]) => {
  if (typeof words[0] !== 'string' || !expected.test(words[0])) warn(...words)
}

// What went wrong, for the person at the terminal: what failed, why, and what to do about it.

export class LauncherError extends Error {
  /** @param {{ what: string, why: string, remedy: string }} text */
  constructor({ what, why, remedy }) {
    super(`${what}\n  Why: ${why}\n  What to do: ${remedy}`)
    this.name = 'LauncherError'
  }
}

/** What npm's output tells about its failure; the first row that fits is taken. */
const NPM_FAILURES = [
  {
    sign: /ENOSPC|no space left/i,
    why: 'The disk is full.',
    remedy: "Free about 1 GB (node_modules and npm's cache), then run the same command again.",
  },
  {
    sign: /can only install packages when your package\.json and package-lock\.json/i,
    why: 'package.json and package-lock.json do not fit together, so there is no locked set to install.',
    remedy:
      'If you changed package.json: npm install, then commit package-lock.json. If not: git checkout package.json package-lock.json.',
  },
  {
    sign: /EINTEGRITY|sha512-\S+ integrity/i,
    why: 'A package from the registry does not have the contents that package-lock.json pins.',
    remedy:
      'Run: npm cache verify, and try again. If it stays so, the registry or a proxy serves altered packages: do not go on.',
  },
  {
    sign: /SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|CERT_HAS_EXPIRED|unable to get local issuer/i,
    why: "The registry's TLS certificate is not trusted here, as behind a company proxy that inspects traffic.",
    remedy: 'Point NODE_EXTRA_CA_CERTS (or npm\'s "cafile") to the proxy\'s certificate, then run the same command again.',
  },
  {
    sign: /\bE401\b|\bE403\b/,
    why: 'The npm registry refuses access.',
    remedy: 'Look at "npm config get registry" and the credentials for it, then run the same command again.',
  },
  {
    sign: /\bE404\b|ETARGET|notarget/,
    why: 'The npm registry in use does not have a package that is needed.',
    remedy: 'Look at "npm config get registry"; a mirror must have all that package-lock.json names.',
  },
  {
    sign: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|network/i,
    why: 'The npm registry cannot be reached: this machine is offline, or needs a proxy.',
    remedy: 'Connect, or set HTTPS_PROXY, or point npm to a mirror (npm config set registry …). Only the first start needs it.',
  },
  {
    sign: /EACCES|EPERM|EROFS/,
    why: 'This user may not write where npm has to.',
    remedy: "Give this user the project's folder and npm's cache (npm config get cache), then run the same command again.",
  },
]

/** The help that npm appends to some errors. */
const USAGE = /^npm error Clean install a project[\s\S]*/m

/**
 * @param {string} what
 * @param {{ code: number | null, output: string }} result of npm
 */
export function npmFailure(what, { code, output }) {
  const known = NPM_FAILURES.find(({ sign }) => sign.test(output))
  // A known failure is explained already, so npm's first words will do; of an unknown one its last words say most.
  const lines = linesOf(output.replace(USAGE, ''))
  const said = (known ? lines.slice(0, 3) : lines.slice(-12)).map(line => `    ${line}`).join('\n')
  return new LauncherError({
    what,
    why: `${known?.why ?? `npm ended with code ${code}.`}${said && `\n  npm said:\n${said}`}`,
    remedy: known?.remedy ?? 'Correct what npm names, then run the same command again.',
  })
}

function linesOf(text) {
  return text.split('\n').filter(line => !/^(npm error|npm warn)?\s*$|complete log of this run|^npm warn/.test(line))
}

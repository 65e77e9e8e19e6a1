// A real browser for tests: Chromium as the system has it. Where there is none the tests that need it are left out, and say so.

import { accessSync, constants } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const places = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Path of the browser; undefined where there is none. */
export const chromiumPath: string | undefined = places.find(path => path !== undefined && isExecutable(path))

export interface ChromiumOptions {
  /** Of a certificate that is trusted although no known authority made it: the base64 SHA-256 of its public key. */
  readonly trustedKeys?: readonly string[]
}

/** Close it when done. */
export function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const { trustedKeys = [] } = options
  return chromium.launch({
    executablePath: chromiumPath!,
    args: [
      // Root in a container has no user namespaces to make a sandbox of; what these tests show is our own.
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--force-color-profile=srgb',
      ...(trustedKeys.length > 0 ? [`--ignore-certificate-errors-spki-list=${trustedKeys.join(',')}`] : []),
    ],
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A real Chromium without a window. Where there is none, specs are skipped and say so; in the nightly run that is a failure. */
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const candidates = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser']
const found = candidates.find(path => path !== undefined && existsSync(path))

/** Undefined: it is there. */
export const missing: string | undefined =
  found === undefined ? 'no Chromium: apt-get install chromium, or CHROMIUM=PATH' : undefined

if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(`Cannot test the page: ${missing}`)
  console.log(`skipped: ${missing}`)
}

/** @param names that lead to this machine, as an attacker's name server would say */
export const launchChromium = (...names: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: found!,
    args: [
      // Its sandbox does not run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...(names.length > 0
        ? [`--host-resolver-rules=${names.map(name => `MAP ${name} 127.0.0.1`).join(', ')}`]
        : []),
    ],
  })

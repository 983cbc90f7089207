/** The built site on a free port of this machine, and a browser that looks at it. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { chromium, type Browser } from 'playwright-core'

export const dist = join(import.meta.dirname, '..', 'dist')
/** Of Debian's package `chromium`; nothing is downloaded. */
const program = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** Why the site cannot be looked at here; undefined when it can. In CI that fails instead of being skipped. */
export function siteMissing(): string | undefined {
  const reason = !existsSync(join(dist, 'index.html'))
    ? 'it is not built: npm run docs'
    : !existsSync(program)
      ? `there is no ${program}: apt-get install chromium, or name it in CHROMIUM`
      : undefined
  if (reason !== undefined && process.env['CI'] === 'true') throw new Error(`Cannot open the site: ${reason}`)
  if (reason !== undefined) console.warn(`skipped: cannot open the site: ${reason}`)
  return reason
}

/** The file of an address, as any static server finds it. */
export const fileOf = (address: string): string => {
  const path = normalize(decodeURIComponent(new URL(address, 'http://site').pathname))
  return join(dist, path.endsWith('/') ? `${path}index.html` : path)
}

export interface ServedSite {
  readonly url: string
  readonly browser: Browser
  close(): Promise<void>
}

export async function serveSite(): Promise<ServedSite> {
  const server = createServer((request, response) => {
    const file = fileOf(request.url ?? '/')
    readFile(file).then(
      content => response.setHeader('content-type', types[extname(file)] ?? 'text/plain').end(content),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  // Chromium refuses to run as root with its sandbox; it looks at nothing but these pages.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: program, args, timeout: 120_000 })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    browser,
    close: async () => {
      await browser.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

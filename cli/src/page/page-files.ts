/** What the browser loads: of the bundle its files, in a checkout made of the sources. */
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { HandledReply } from '../local/handler-server.ts'

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

/** Replies by path: `/`, `/page.js`, `/page.css`. */
export async function pageFiles(): Promise<Map<string, HandledReply>> {
  const files = [...(await contentsByName())]
  return new Map(
    files.map(([name, body]) => [
      name === 'index.html' ? '/' : `/${name}`,
      { type: types[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream', body },
    ]),
  )
}

async function contentsByName(): Promise<Map<string, Uint8Array>> {
  const bundled = join(import.meta.dirname, 'page')
  if (existsSync(bundled)) {
    const names = await readdir(bundled)
    return new Map(
      await Promise.all(
        names.map(async (name): Promise<[string, Uint8Array]> => [name, await readFile(join(bundled, name))]),
      ),
    )
  }
  const root = join(import.meta.dirname, '..', '..', '..')
  // A name that is computed, so that no bundle holds the bundler.
  const { bundlePage } = (await import(
    new URL('../../build/bundle-page.ts', import.meta.url).href
  )) as typeof import('../../build/bundle-page.ts')
  return bundlePage(root)
}

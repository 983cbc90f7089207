/** A page of the browser, and all that goes wrong on it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

import type { ServedSite } from './served-site.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const desktop = { width: 1280, height: 900 }
/** CSS px, of a small phone. */
export const phone = { width: 375, height: 667 }

export interface WatchedPage {
  readonly page: Page
  /** Errors of the console and of scripts, failed requests, and requests to any other host. Emptied by reading. */
  faults(): string[]
}

export async function openPage({ browser, url }: ServedSite): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: desktop, colorScheme: 'light' })
  page.setDefaultTimeout(60_000)
  const faults: string[] = []
  page.on('console', message => message.type() === 'error' && faults.push(`console: ${message.text()}`))
  page.on('pageerror', error => faults.push(`script: ${error.message}`))
  page.on(
    'response',
    response => response.status() >= 400 && faults.push(`${response.status()}: ${response.url()}`),
  )
  page.on('request', request => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      faults.push(`another host: ${request.url()}`)
  })
  return { page, faults: () => faults.splice(0) }
}

/** Shows pages in a colour scheme, and waits until the diagrams follow. */
export async function show({ page }: WatchedPage, scheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme })
  await page.waitForFunction(wanted => {
    const shown = document.documentElement.classList.contains('dark') ? 'dark' : 'light'
    const diagrams = [...document.querySelectorAll<HTMLElement>('figure.diagram')]
    return shown === wanted && diagrams.every(({ dataset }) => dataset['scheme'] === wanted)
  }, scheme)
}

/** Opens an address of the site, and waits until its scripts have taken over and its diagrams are drawn. */
export async function visit({ page }: WatchedPage, address: string): Promise<void> {
  await page.goto(address)
  await page.waitForFunction(() => {
    const isMounted = '__vue_app__' in (document.querySelector('#app') ?? {})
    const drawings = document.querySelectorAll('figure.diagram svg').length
    return isMounted && drawings === document.querySelectorAll('figure.diagram').length
  })
}

interface Violation {
  readonly id: string
  readonly impact: string | null
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** Violations of accessibility that axe rates serious or critical, a line each. */
export async function violations({ page }: WatchedPage): Promise<string[]> {
  await page.evaluate(axe)
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(scope: Document, options: object): Promise<{ violations: Violation[] }> }
    }
    return (await axe.run(document, { resultTypes: ['violations'] })).violations
  })
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html }) => `${id}: ${html.slice(0, 200)}`))
}

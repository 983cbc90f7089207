/** The built site as a reader sees it, in a real Chromium: each page of the navigation, on a desktop and on a phone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { addressOf, groups } from '../pages.ts'
import { serveSite, siteMissing, type ServedSite } from './served-site.ts'
import { desktop, openPage, phone, show, violations, visit, type WatchedPage } from './watched-page.ts'

const addresses = ['site/index', ...groups.flatMap(({ pages }) => Object.keys(pages))]
  .map(addressOf)
  .map(address => (address.endsWith('/') ? address : `${address}.html`))

/** What is found on a page without faults. */
const nothing = { light: [], dark: [], wide: 0, faults: [] }

describe.skipIf(siteMissing() !== undefined)('the documentation', () => {
  let site: ServedSite
  let watched: WatchedPage

  beforeAll(async () => {
    site = await serveSite()
    watched = await openPage(site)
  })
  afterAll(() => site?.close())

  /** Px by which the page is wider than the window. */
  const excess = () =>
    watched.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

  test.each(addresses)(
    '%s loads without an error, is accessible in both schemes, and fits a phone',
    async address => {
      const { page } = watched
      await visit(watched, site.url + address)
      await show(watched, 'light')
      expect(await page.locator('h1').count(), 'headings of the first level').toBe(1)
      const light = await violations(watched)
      await page.setViewportSize(phone)
      await show(watched, 'dark')
      const dark = await violations(watched)
      const wide = await excess()
      await page.setViewportSize(desktop)
      expect({ light, dark, wide, faults: watched.faults() }).toEqual(nothing)
    },
  )

  test('the search finds a page by a word in it, without a server', async () => {
    const { page } = watched
    await visit(watched, `${site.url}/`)
    await page.keyboard.press('Control+k')
    await page.locator('.VPLocalSearchBox input').fill('punched tcp')
    await page.locator('.VPLocalSearchBox .result.selected').waitFor()
    const found = await page
      .locator('.VPLocalSearchBox .result')
      .evaluateAll(links => links.map(link => link.getAttribute('href') ?? ''))
    expect(found.some(link => link.includes('/docs/paths.html'))).toBe(true)
    await page.keyboard.press('Enter')
    await page.waitForURL(({ pathname }) => pathname !== '/')
    expect(watched.faults()).toEqual([])
  })

  test('the switch of the scheme makes pages dark, and they stay dark', async () => {
    const { page } = watched
    await visit(watched, `${site.url}/docs/calls.html`)
    await show(watched, 'light')
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(await background()).toBe('rgb(255, 255, 255)')
    await page.locator('.VPSwitchAppearance:visible').first().click()
    await page.waitForFunction(() => document.documentElement.classList.contains('dark'))
    await visit(watched, `${site.url}/docs/topics.html`)
    expect(await background()).not.toBe('rgb(255, 255, 255)')
    await page.evaluate(() => localStorage.clear())
  })

  test('on a phone the menus lead to another page', async () => {
    const { page } = watched
    await page.setViewportSize(phone)
    await visit(watched, `${site.url}/docs/calls.html`)
    await page.locator('.VPNavBarHamburger').click()
    await page.locator('.VPNavScreen').waitFor()
    await page.locator('.VPNavBarHamburger').click()
    await page.locator('.VPLocalNav .menu').click()
    await page.locator('.VPSidebar a', { hasText: 'Topics' }).click()
    await page.waitForURL(/\/docs\/topics\.html/)
    await page.setViewportSize(desktop)
    expect(watched.faults()).toEqual([])
  })

  test('the diagrams are drawn whole, and have a name for screen readers', async () => {
    const { page } = watched
    await visit(watched, `${site.url}/docs/how-it-works.html`)
    const titles = await page.locator('figure.diagram svg > title').allTextContents()
    expect(titles.length).toBeGreaterThan(4)
    expect(await page.locator('figure.diagram svg').count()).toBe(titles.length)
    const cut = await page.locator('figure.diagram foreignObject').evaluateAll(labels =>
      labels.flatMap(label => {
        const [text] = label.children
        const room = label.getBoundingClientRect().height
        return text !== undefined && text.getBoundingClientRect().height > room + 1 ? [text.textContent] : []
      }),
    )
    expect(cut, 'labels that are higher than their boxes').toEqual([])
  })
})

/** Pages of other sites, in a Chromium that is logged in to the page: none reads or does anything, there or at the gateway. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { askPage } from '../support/page-client.ts'
import { launchChromium, missing } from './chromium.ts'
import { PageMesh } from './page-mesh.ts'

type Init = Pick<RequestInit, 'method' | 'mode' | 'credentials'> & {
  headers?: Record<string, string>
  body?: string
}

describe.skipIf(missing !== undefined)('pages of other sites', () => {
  let at: PageMesh
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let evil: Server
  let evilPort: number
  let token: string
  /** Headers of the requests that the server of the attacker got. */
  const got: IncomingHttpHeaders[] = []

  beforeAll(async () => {
    at = await PageMesh.start()
    await at.ready()
    token = await at.token()
    evil = createServer(({ headers }, response) => {
      got.push(headers)
      response.setHeader('content-type', 'text/html').end('<h1>Win a prize</h1>')
    }).listen(0, '127.0.0.1')
    await once(evil, 'listening')
    evilPort = (evil.address() as AddressInfo).port
    browser = await launchChromium('evil.example', 'rebound.example')
    context = await browser.newContext()
    const own = await context.newPage()
    await own.goto(at.oneTimeUrl)
    await own.locator('header .live').waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    evil?.close()
    await at?.stop()
  })

  const sites = () => ({
    'another site': `http://evil.example:${evilPort}/`,
    'another port of this machine': `http://127.0.0.1:${evilPort}/`,
  })
  /** In a tab of its own: what the one before still loads is none of this one. */
  const visit = async (url: string) => {
    page = await context.newPage()
    return page.goto(url)
  }
  const callPath = '/v1/call/deed/do'

  /** What a script of the page gets: `read STATUS`, or `refused`. */
  const fetched = (url: string, init: Init) =>
    page.evaluate(
      ([url, init]) =>
        fetch(url, init).then(
          async reply => (reply.type === 'opaque' ? 'opaque' : `read ${reply.status}`),
          () => 'refused',
        ),
      [url, init] as const,
    )

  it.each(['another site', 'another port of this machine'] as const)(
    '%s cannot read or post by fetch',
    async site => {
      await visit(sites()[site])
      const json = { 'content-type': 'application/json' }
      const plain = { 'content-type': 'text/plain' }
      const body = '{"what":"by fetch"}'
      for (const url of [
        `${at.gatewayUrl}/v1/describe`,
        `${at.url}/api/health`,
        `${at.url}/`,
        `${at.url}/page.js`,
      ])
        expect(await fetched(url, { credentials: 'include' })).toBe('refused')
      for (const [url, call] of [
        [`${at.gatewayUrl}${callPath}`, body],
        [`${at.url}/api/call`, '{"method":"deed.do","params":{"what":"by fetch"}}'],
      ] as const) {
        for (const headers of [json, plain, { ...json, authorization: `Bearer ${token}` }])
          expect(await fetched(url, { method: 'POST', headers, body: call, credentials: 'include' })).toBe(
            'refused',
          )
        const blind = {
          method: 'POST',
          mode: 'no-cors',
          headers: plain,
          body: call,
          credentials: 'include',
        } as const
        expect(await fetched(url, blind)).toMatch(/^(?:opaque|refused)$/)
      }
      expect(await at.deeds()).toEqual([])
    },
  )

  it.each(['another site', 'another port of this machine'] as const)('%s cannot post a form', async site => {
    for (const action of [`${at.gatewayUrl}${callPath}`, `${at.url}/api/call`]) {
      await visit(sites()[site])
      const answered = page.waitForResponse(action)
      await page.evaluate(target => {
        const form = document.createElement('form')
        Object.assign(form, { method: 'post', action: target, enctype: 'text/plain' })
        const input = document.createElement('input')
        Object.assign(input, { name: '{"method":"deed.do","params":{"what":"', value: '"}}' })
        form.append(input)
        document.body.append(form)
        form.submit()
      }, action)
      expect((await answered).status()).toBe(403)
    }
    expect(await at.deeds()).toEqual([])
  })

  it.each(['another site', 'another port of this machine'] as const)(
    '%s opens no WebSocket, with a token too',
    async site => {
      await visit(sites()[site])
      const ends = await page.evaluate(
        ([urls, token]) =>
          Promise.all(
            urls.map(
              url =>
                new Promise<string>(resolve => {
                  const socket = new WebSocket(url, ['agent-mesh.v1', `bearer.${token}`])
                  socket.onopen = () => resolve('open')
                  socket.onclose = () => resolve('closed')
                }),
            ),
          ),
        [
          [`${at.gatewayUrl}/v1/ws`, `${at.url}/api/live`].map(url => url.replace('http', 'ws')),
          token,
        ] as const,
      )
      expect(ends).toEqual(['closed', 'closed'])
    },
  )

  it('a name that is rebound to this machine reads nothing', async () => {
    for (const url of [at.gatewayUrl, at.url]) {
      const { port } = new URL(url)
      const reply = await visit(`http://rebound.example:${port}/`)
      expect(reply?.status()).toBe(403)
      expect(await fetched(`http://rebound.example:${port}/api/health`, {})).toBe('read 403')
      expect(
        await fetched(`http://rebound.example:${port}/v1/describe`, {
          headers: { authorization: `Bearer ${token}` },
        }),
      ).toBe('read 403')
    }
  })

  it('a link of another site does not open the page, nor can a frame hold it', async () => {
    await visit(sites()['another site'])
    const [reply] = await Promise.all([
      page.waitForResponse(`${at.url}/`),
      page.evaluate(url => void (location.href = url), `${at.url}/`),
    ])
    expect(reply.status()).toBe(403)
    await visit(sites()['another port of this machine'])
    const framed = page.waitForResponse(`${at.url}/`)
    await page.evaluate(url => {
      const frame = document.createElement('iframe')
      frame.src = url
      document.body.append(frame)
    }, `${at.url}/`)
    expect((await framed).status()).toBe(403)
  })

  it('a server on another port that is sent the cookie can do nothing with it', async () => {
    got.length = 0
    await visit(sites()['another port of this machine'])
    const cookie = got.map(({ cookie }) => cookie).find(each => each?.includes('agent-mesh-page'))
    // Cookies know no ports: the browser did send it.
    expect(cookie).toContain('agent-mesh-page')
    const replayed = await askPage(at.url, '/api/health', { headers: { cookie: cookie! } })
    expect([replayed.status, replayed.json()['code']]).toEqual([401, 'unauthenticated'])
    expect(await page.evaluate(() => [document.cookie, localStorage.length])).toEqual(['', 0])
  })
})

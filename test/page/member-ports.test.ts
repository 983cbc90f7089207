/** Ports of members in a real Chromium: the page of one works, the page of a hostile one reaches nothing of it, nor the gateway. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer } from 'ws'

import { lastJson, runCommand } from '../support/command.ts'
import { launchChromium, missing } from './chromium.ts'
import { PageMesh } from './page-mesh.ts'

type Init = Pick<RequestInit, 'method' | 'mode' | 'credentials' | 'cache'> & {
  headers?: Record<string, string>
  body?: string
}

describe.skipIf(missing !== undefined)('ports of members in a browser', () => {
  let at: PageMesh
  let browser: Browser
  let context: BrowserContext
  /** Of the member that is attacked, and of the one that attacks. */
  let own: Page
  let evil: Page
  let origin: string
  const programs: Server[] = []
  /** Requests that the program of the attacked page got: method and path. */
  const asked: string[] = []

  const run = async (data: string, ...args: string[]) => {
    const ran = await runCommand([...args, '--data', data])
    expect(ran).toMatchObject({ code: 0 })
    return ran
  }

  beforeAll(async () => {
    at = await PageMesh.start()
    const cp = at.workshop.folder('cp')
    const policy = JSON.parse((await run(cp, 'policy', 'get')).stdout) as { grants: object[] }
    policy.grants.push({ from: ['role:agent'], to: ['port:*'], allow: ['connect'] })
    const file = at.workshop.folder('policy.json')
    await writeFile(file, JSON.stringify(policy))
    await run(cp, 'policy', 'set', file)
    const box = await at.join('web-1')
    await expose(box.data, 'grafana', shown())
    await expose(
      box.data,
      'evil',
      createServer((_, reply) => html(reply, '<h1>evil</h1>')),
    )
    browser = await launchChromium()
    context = await browser.newContext()
    const open = async (port: string) => {
      const url = await vi.waitFor(
        async () => String(lastJson(await run(at.desk.data, 'open', `${port}.web-1`, '--json'))['url']),
        60_000,
      )
      const page = await context.newPage()
      await page.goto(url)
      return page
    }
    own = await open('grafana')
    evil = await open('evil')
    origin = new URL(own.url()).origin
  })
  afterAll(async () => {
    await browser?.close()
    await at?.stop()
    for (const each of programs) {
      each.closeAllConnections()
      each.close()
    }
  })
  beforeEach(() => {
    asked.length = 0
  })

  const html = (reply: ServerResponse, body: string) =>
    void reply.setHeader('content-type', 'text/html').end(`<!doctype html>${body}`)

  function shown(): Server {
    const server = createServer(({ method, url, headers }, reply) => {
      asked.push(`${method} ${url}`)
      if (url !== '/cached.js') return html(reply, `<h1>for ${headers['mesh-name'] as string}</h1>`)
      // It would let every page have it.
      reply.setHeader('access-control-allow-origin', '*').setHeader('cache-control', 'max-age=3600')
      reply.setHeader('content-type', 'text/javascript').end('window.stolen = true')
    })
    new WebSocketServer({ server }).on('connection', socket => {
      asked.push('socket')
      socket.on('message', said => socket.send(`you said ${(said as Buffer).toString()}`))
    })
    return server
  }

  async function expose(data: string, name: string, server: Server) {
    programs.push(server.listen(0, '127.0.0.1'))
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await run(data, 'expose', 'http', `${port}`, '--as', name)
  }

  /** What a script of a page gets: the status, or `refused`. */
  const fetched = (page: Page, url: string, init: Init = {}) =>
    page.evaluate(
      ([url, init]) =>
        fetch(url, init).then(
          ({ type, status }) => (type === 'opaque' ? 'opaque' : String(status)),
          () => 'refused',
        ),
      [url, init] as const,
    )
  const socketOf = (page: Page, url: string) =>
    page.evaluate(
      url =>
        new Promise<string>(resolve => {
          const socket = new WebSocket(url)
          socket.onopen = () => socket.send('hello')
          socket.onmessage = ({ data }) => resolve(String(data))
          socket.onclose = () => resolve('closed')
        }),
      url,
    )

  it('a page of a member works: its address, requests of its scripts, WebSockets, and the name of the caller', async () => {
    expect(own.url()).toBe(`${origin}/`)
    expect(await own.locator('h1').textContent()).toBe('for desk')
    expect(await fetched(own, '/post', { method: 'POST', body: '{}' })).toBe('200')
    expect(await socketOf(own, `${origin.replace('http', 'ws')}/`)).toBe('you said hello')
    const [cookie] = await context.cookies(origin)
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', domain: new URL(origin).hostname })
    expect(await own.evaluate(() => document.cookie)).toBe('')
  })

  it('a page of another member reads, sends and opens nothing of it', async () => {
    for (const credentials of ['include', 'omit'] as const) {
      expect(await fetched(evil, `${origin}/`, { credentials })).toBe('refused')
      const post = { method: 'POST', body: 'x', credentials } as const
      expect(await fetched(evil, `${origin}/`, post)).toBe('refused')
      expect(await fetched(evil, `${origin}/`, { ...post, mode: 'no-cors' })).toMatch(/^(?:opaque|refused)$/)
    }
    expect(await socketOf(evil, `${origin.replace('http', 'ws')}/`)).toBe('closed')
    expect(asked).toEqual([])
  })

  it('a page of another member cannot have it in a frame, nor post a form', async () => {
    const framed = evil.waitForResponse(`${origin}/framed`)
    await evil.evaluate(url => {
      const frame = document.createElement('iframe')
      frame.src = url
      document.body.append(frame)
    }, `${origin}/framed`)
    expect((await framed).status()).toBe(403)
    const tab = await context.newPage()
    await tab.goto(evil.url())
    const posted = tab.waitForResponse(`${origin}/posted`)
    await tab.evaluate(url => {
      const form = document.createElement('form')
      Object.assign(form, { method: 'post', action: url })
      document.body.append(form)
      form.submit()
    }, `${origin}/posted`)
    expect((await posted).status()).toBe(403)
    await tab.close()
    expect(asked).toEqual([])
  })

  it('a reply in the cache of the browser is none for a page of another member', async () => {
    expect(await fetched(own, '/cached.js')).toBe('200')
    const loaded = await evil.evaluate(
      url =>
        new Promise<string>(resolve => {
          const script = document.createElement('script')
          script.onload = () => resolve('loaded')
          script.onerror = () => resolve('refused')
          script.src = url
          document.body.append(script)
        }),
      `${origin}/cached.js`,
    )
    expect(loaded).toBe('refused')
    expect(await fetched(evil, `${origin}/cached.js`, { cache: 'force-cache' })).toBe('refused')
  })

  it('a link of another member has to be confirmed', async () => {
    const tab = await context.newPage()
    await tab.goto(evil.url())
    const [reply] = await Promise.all([
      tab.waitForResponse(`${origin}/delete?all`),
      tab.evaluate(url => void (location.href = url), `${origin}/delete?all`),
    ])
    expect([reply.status(), asked]).toEqual([401, []])
    await tab.getByRole('link', { name: 'continue' }).click()
    await tab.getByText('for desk').waitFor()
    expect(asked).toContain('GET /delete?all')
    await tab.close()
  })

  it('a session is not confused by cookies that another member plants', async () => {
    const { port } = new URL(origin)
    await evil.evaluate(name => {
      document.cookie = `${name}=planted; domain=mesh.localhost; path=/`
    }, `agent-mesh-${port}`)
    await own.reload()
    expect(await own.locator('h1').textContent()).toBe('for desk')
  })

  it('a page of a member does not reach the API of the gateway, with a token neither', async () => {
    const token = await at.token()
    const authorization = `Bearer ${token}`
    for (const url of [at.gatewayUrl, at.gatewayUrl.replace('127.0.0.1', 'localhost')]) {
      expect(await fetched(evil, `${url}/v1/describe`)).toBe('refused')
      expect(await fetched(evil, `${url}/v1/describe`, { headers: { authorization } })).toBe('refused')
      const call = { method: 'POST', mode: 'no-cors', body: '{"what":"by fetch"}' } as const
      expect(await fetched(evil, `${url}/v1/call/deed/do`, call)).toMatch(/^(?:opaque|refused)$/)
      expect(await socketOf(evil, `${url.replace('http', 'ws')}/v1/ws`)).toBe('closed')
    }
    expect(await at.deeds()).toEqual([])
  })

  it('a browser that signs out forgets the session, and what the program stored in it', async () => {
    await own.evaluate(() => localStorage.setItem('seen', 'yes'))
    await own.goto(`${origin}/.agent-mesh/close`)
    await own.getByText('This browser is signed out.').waitFor()
    const { hostname } = new URL(origin)
    const cookies = await context.cookies(origin)
    expect(cookies.filter(({ domain }) => domain === hostname)).toEqual([])
    expect((await own.goto(`${origin}/`))?.status()).toBe(401)
    expect(await own.evaluate(() => localStorage.getItem('seen'))).toBeNull()
    expect((await evil.reload())?.status()).toBe(200)
  })
})

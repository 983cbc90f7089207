/**
 * Ports of members for browsers of this machine, each at an origin of its own: `http://grafana.web-1.mesh.localhost:8441/`. Every request
 * is checked, also on a connection that is open: its host, the page that sent it, its session; then as any connection to a port: the
 * scope of the token, the policy and the owner of the port.
 */
import { request, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import type { LocalCloseReply } from '@agent-mesh/protocol/local-ports'

import { sendReply, type HandledReply } from '../../local/handler-server.ts'
import type { MemberPort } from '../../ports/local-pipe.ts'
import {
  isAnswered,
  isRepeatable,
  passRequest,
  passUpgrade,
  type Passage,
} from '../../ports/pass-requests.ts'
import type { ProgramCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { Tunnels } from '../proxy/tunnels.ts'
import { refuseUpgrade } from '../websocket/refuse-upgrade.ts'
import { askedBy, isNavigation } from './browser-admission.ts'
import { BrowserSessions, type SessionCaller } from './browser-sessions.ts'
import { KeptPipes } from './kept-pipes.ts'
import { cookieName, cookiesNamed, headersForBrowser, headersForProgram } from './page-headers.ts'
import { pageHost, pagePort } from './page-host.ts'
import { openedReply, refusalReply, signedOutPage, signInPage } from './page-replies.ts'

/** The only paths that the program behind a port does not get. */
const openPath = '/.agent-mesh/open'
const closePath = '/.agent-mesh/close'

export interface BrowserPortsInit {
  readonly tunnels: Pick<Tunnels, 'admit' | 'connect' | 'pipe'>
  /** Of the gateway. */
  readonly url: string
  /** Why browsers are not served; undefined: they are. */
  readonly refusal: MeshError | undefined
}

/** A request on its way. */
interface Passed {
  readonly asked: IncomingMessage
  readonly response: ServerResponse
  readonly awaited: () => void
}

interface Admitted extends MemberPort {
  readonly host: string
  readonly isVisit: boolean
}

export class BrowserPorts {
  readonly #init: BrowserPortsInit
  readonly #gatewayPort: string
  readonly #cookie: string
  readonly #sessions = new BrowserSessions()
  readonly #kept = new KeptPipes()

  constructor(init: BrowserPortsInit) {
    this.#init = init
    this.#gatewayPort = new URL(init.url).port
    this.#cookie = cookieName(this.#gatewayPort)
  }

  /** @returns an address that opens a port once @throws MeshError invalid_argument; why browsers are not served */
  invite(to: MemberPort, caller: ProgramCaller): string {
    if (this.#init.refusal !== undefined) throw this.#init.refusal
    const host = pageHost(to, this.#gatewayPort)
    return `http://${host}${openPath}?key=${this.#sessions.invite({ host, caller })}`
  }

  /** Ends the pipes that wait for requests. */
  stop(): void {
    this.#kept.stop()
  }

  /** Signs browsers out. @param to absent: of all ports @param callerId absent: of all callers @throws MeshError invalid_argument */
  close(to: MemberPort | undefined, callerId: string | undefined): LocalCloseReply {
    return this.#sessions.close({
      ...(to !== undefined && { host: pageHost(to, this.#gatewayPort) }),
      ...(callerId !== undefined && { callerId }),
    })
  }

  /** Never throws. @param awaited asks for a body that the client holds back */
  async serve(asked: IncomingMessage, response: ServerResponse, awaited: () => void): Promise<void> {
    try {
      const reply = await this.#reply(asked, response, awaited)
      if (reply !== undefined && !response.destroyed) await sendReply(reply, response)
    } catch {
      // The client closed the connection.
      response.destroy()
    }
  }

  /** Never throws. @param head what came behind the head of the request */
  async serveUpgrade(asked: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    try {
      const to = this.#admitted(asked)
      const pipe = await this.#init.tunnels.pipe(socket, to, this.#caller(asked, to.host))
      if (socket.destroyed) return void pipe.destroy()
      passUpgrade(asked, socket, head, passageThrough({ createConnection: () => pipe }, to))
    } catch (thrown) {
      refuseUpgrade(socket, toMeshError(thrown, 'internal', 'open the WebSocket'))
    }
  }

  /** @returns undefined when the program has answered */
  async #reply(
    asked: IncomingMessage,
    response: ServerResponse,
    awaited: () => void,
  ): Promise<HandledReply | undefined> {
    try {
      const to = this.#admitted(asked)
      if (to.isVisit) return signInPage(to, '')
      const path = asked.url?.split('?', 1)[0]
      if (path === openPath) return this.#opened(asked, to)
      if (path === closePath) return this.#closed(asked, to)
      const caller = this.#callerOrNone(asked, to.host)
      if (caller === undefined) return signInPage(to, '')
      await this.#pass({ asked, response, awaited }, to, caller)
      return undefined
    } catch (thrown) {
      return refusalReply(toMeshError(thrown, 'internal', 'serve the request'))
    }
  }

  /** @throws MeshError why it cannot be passed on */
  async #pass({ asked, response, awaited }: Passed, to: Admitted, caller: SessionCaller): Promise<void> {
    const { tunnels } = this.#init
    const closed = tunnels.admit(response, to, caller)
    // Its program may have ended it: then a request that does the same again is sent once more.
    const kept = isRepeatable(asked) ? this.#kept.take(caller.session) : undefined
    if (kept !== undefined && (await isAnswered(asked, response, passageThrough({ agent: kept }, to)))) return
    const pipe = await tunnels.connect(to, caller, closed)
    if (response.destroyed) return void pipe.destroy()
    awaited()
    const agent = this.#kept.over(pipe, caller.session)
    await passRequest(asked, response, passageThrough({ agent }, to))
  }

  /** @throws MeshError */
  #admitted(asked: IncomingMessage): Admitted {
    if (this.#init.refusal !== undefined) throw this.#init.refusal
    // Browsers speak it over TLS alone, and the head of a request has another form in it.
    if (asked.httpVersionMajor > 1)
      throw new MeshError('unsupported', 'Cannot serve the request: addresses of ports are HTTP/1.1')
    const { headers, url = '' } = asked
    const host = headers.host ?? ''
    const to = pagePort(host, this.#gatewayPort)
    const isVisit = askedBy(asked, host) === 'visit'
    // In its other form a request line names a host, which the program could take for the one that was checked.
    if (!url.startsWith('/'))
      throw new MeshError('invalid_argument', 'Cannot serve the request: its line has no path')
    return { ...to, host, isVisit }
  }

  /** Exchanges the key of a one-time address for a cookie. */
  #opened(asked: IncomingMessage, to: Admitted): HandledReply {
    const { url = '', headers } = asked
    // A browser that loads it before a person wants it would use the key up.
    if (!isNavigation(asked) || headers['sec-purpose'] !== undefined) return signInPage(to, '/')
    try {
      const key = new URLSearchParams(url.slice(openPath.length)).get('key') ?? ''
      const secret = this.#sessions.open(key, to.host)
      return openedReply(this.#cookieOf(secret, gatewayDefaults.sessionMs / 1_000))
    } catch (thrown) {
      // From its history: the browser opened it before.
      if (this.#callerOrNone(asked, to.host) !== undefined) return openedReply(undefined)
      if (thrown instanceof MeshError && thrown.code === 'unauthenticated') return signInPage(to, '/')
      throw thrown
    }
  }

  #closed({ headers }: IncomingMessage, to: Admitted): HandledReply {
    if (headers['sec-purpose'] !== undefined) return signInPage(to, '')
    this.#sessions.end(cookiesNamed(headers.cookie, this.#cookie), to.host)
    return signedOutPage(to, this.#cookieOf('', 0))
  }

  /** @param seconds until the browser forgets it */
  #cookieOf(secret: string, seconds: number): string {
    return `${this.#cookie}=${secret}; Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Strict`
  }

  /** Of the session. @throws MeshError unauthenticated */
  #caller({ headers }: IncomingMessage, host: string): SessionCaller {
    return this.#sessions.find(cookiesNamed(headers.cookie, this.#cookie), host)
  }

  /** @returns undefined where a person can be shown how to sign in @throws MeshError unauthenticated */
  #callerOrNone(asked: IncomingMessage, host: string): SessionCaller | undefined {
    try {
      return this.#caller(asked, host)
    } catch (thrown) {
      if (isNavigation(asked)) return undefined
      throw thrown
    }
  }
}

function passageThrough(
  connection: Pick<RequestOptions, 'agent' | 'createConnection'>,
  { peer, port }: MemberPort,
): Passage {
  return {
    send: ({ method, url: path, rawHeaders }, more = []) =>
      request({
        ...connection,
        method,
        path,
        headers: [...headersForProgram(rawHeaders), ...more],
      }),
    replyHeaders: headersForBrowser,
    unanswered: `Nothing answers behind port ${port} of ${peer}.\n`,
  }
}

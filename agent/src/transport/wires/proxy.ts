/**
 * An HTTP proxy that lets connections through by CONNECT (RFC 9110, 9.3.6). Everything goes through a tunnel, plain HTTP
 * too, so that a proxy which allows only CONNECT to port 443 is enough. User and password are sent to the proxy, and never leave
 * this file otherwise.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, type Socket } from 'node:net'
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { hostPort } from '@agent-mesh/protocol/host-port'
import { transportDefaults } from '../defaults.ts'

export interface ProxyOptions {
  /** `http://[USER:PASSWORD@]HOST[:PORT]`, or https. */
  url: string
  /** Hosts that are reached without it, as in NO_PROXY: hosts, `.domain`, addresses, `10.0.0.0/8`, each with `:port` if need
   * be, or `*`; comma separated. */
  noProxy?: string | undefined
}

export class Proxy {
  readonly #url: URL
  readonly #exempt: readonly Exemption[]

  /** @throws MeshError invalid_argument; it does not quote the URL, which may hold a password */
  constructor({ url, noProxy = '' }: ProxyOptions) {
    this.#url = proxyUrl(url)
    this.#exempt = noProxy
      .split(/[\s,]+/)
      .filter(entry => entry !== '')
      .map(exemptionOf)
  }

  /** For people and logs: without user and password. */
  get name(): string {
    return `${this.#url.protocol}//${this.#url.host}`
  }

  /** Whether a host is reached through it. */
  covers(host: string, port: number): boolean {
    return !this.#exempt.some(exempts => exempts(host.toLowerCase(), port))
  }

  /**
   * A connection to `host:port` through the proxy, which the caller owns.
   * @throws MeshError permission_denied when the proxy refuses, unavailable, cancelled
   */
  tunnel(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    const target = hostPort({ host, port })
    const action = `reach ${target}: proxy ${this.name}`
    const request = (this.#url.protocol === 'https:' ? httpsRequest : httpRequest)({
      host: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port === '' ? defaultPorts[this.#url.protocol] : this.#url.port,
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...this.#authorization() },
      agent: false,
      maxHeaderSize: transportDefaults.proxyAnswerBytes,
    })
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    const fail = (error: Error) => {
      request.destroy()
      reject(error)
    }
    const expire = () =>
      fail(
        new MeshError(
          'unavailable',
          `Cannot ${action} did not answer within ${transportDefaults.proxyMs} ms`,
          hintOf(0),
        ),
      )
    const cancel = () => fail(toMeshError(signal.reason, 'cancelled', `reach ${target}`))
    const timer = setTimeout(expire, transportDefaults.proxyMs)
    signal.addEventListener('abort', cancel, { once: true })
    request.on('error', error => fail(brokenBy(error, action)))
    request.on('connect', (answer: IncomingMessage, socket: Socket, early: Buffer) => {
      const status = answer.statusCode ?? 0
      if (status < 200 || status > 299) {
        socket.destroy()
        return fail(refusedBy(status, action))
      }
      if (early.length > 0) socket.unshift(early)
      resolve(socket)
    })
    if (signal.aborted) cancel()
    else request.end()
    return promise.finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
    })
  }

  #authorization(): Record<string, string> {
    const { username, password } = this.#url
    if (username === '' && password === '') return {}
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
  }
}

const defaultPorts: Record<string, number> = { 'http:': 80, 'https:': 443 }

function proxyUrl(text: string): URL {
  // `proxy:3128` is common in environments.
  const url = URL.parse(/^[a-z0-9+.-]+:\/\//i.test(text) ? text : `http://${text}`)
  if (url === null || !(url.protocol in defaultPorts) || url.hostname === '')
    throw new MeshError('invalid_argument', 'Cannot use proxy: its URL is none with http or https', {
      hint: 'Write it as http://HOST:PORT; user and password, if it wants them, stand before HOST.',
    })
  return url
}

type Exemption = (host: string, port: number) => boolean

/** Host, host in brackets, port. A bare IPv6 address has no port. */
const exemption = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/

function exemptionOf(entry: string): Exemption {
  if (entry === '*') return () => true
  const [, bracketed, plain, only] = exemption.exec(entry) ?? []
  const host = (bracketed ?? plain ?? entry).toLowerCase()
  const matches = host.includes('/') ? subnetTest(host) : nameTest(host)
  return (asked, port) => (only === undefined || Number(only) === port) && matches(asked)
}

/** `example.com` and `.example.com` mean the name and all below it. */
function nameTest(entry: string): (host: string) => boolean {
  const name = entry.replace(/^\*?\./, '')
  return host => host === name || host.endsWith(`.${name}`)
}

function subnetTest(entry: string): (host: string) => boolean {
  const [network = '', bits = ''] = entry.split('/')
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  try {
    list.addSubnet(network, Number(bits), family)
  } catch {
    return () => false
  }
  return host => isIP(host) > 0 && list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}

const hintOf = (status: number) => ({
  hint:
    status === 407
      ? 'Give it user and password: they stand before the host in HTTPS_PROXY (or --proxy).'
      : 'Check HTTPS_PROXY (or --proxy); what needs no proxy is named in NO_PROXY.',
})

function refusedBy(status: number, action: string): MeshError {
  const words: Record<number, string> = { 403: 'forbids it (403)', 407: 'wants a password (407)' }
  const denied = status in words
  const reason = words[status] ?? `answered ${status}`
  return new MeshError(
    denied ? 'permission_denied' : 'unavailable',
    `Cannot ${action} ${reason}`,
    hintOf(status),
  )
}

function brokenBy(error: Error, action: string): MeshError {
  const code = 'code' in error ? String(error.code) : error.message
  const reason = code.startsWith('HPE_') ? 'does not speak HTTP' : `failed (${code})`
  return new MeshError('unavailable', `Cannot ${action} ${reason}`, { cause: error, ...hintOf(0) })
}

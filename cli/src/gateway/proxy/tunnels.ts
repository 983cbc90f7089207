/** Connections of programs to ports of members, through the gateway. */
import type { Duplex } from 'node:stream'

import type { Logger } from '@agent-mesh/agent/observe/logger'
import { join } from '@agent-mesh/agent/rpc/pipes/join'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { callerOf, checkScope, noteDenial, type GatewayAgent } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { GatewayTokens } from '../gateway-tokens.ts'
import type { RunningRequests } from '../running-requests.ts'
import { memberPortAt } from './mesh-host.ts'

export interface TunnelsInit {
  readonly agent: Pick<GatewayAgent, 'connect' | 'recordDenial'>
  readonly tokens: Pick<GatewayTokens, 'authenticate'>
  readonly running: RunningRequests
  readonly log: Pick<Logger, 'info'>
}

/** Where a program wants to connect to, as it wrote it. */
export interface Wanted {
  /** Text of its token. */
  readonly token: string | undefined
  readonly host: string
  readonly port: number
}

export class Tunnels {
  readonly #init: TunnelsInit
  /** Connections that are open, or open their port; of each what throws once its token is revoked or has expired. */
  readonly #open = new Map<Duplex, () => void>()
  #looking: NodeJS.Timeout | undefined

  constructor(init: TunnelsInit) {
    this.#init = init
  }

  /** @throws MeshError unauthenticated */
  authenticate(token: string | undefined): void {
    this.#init.tokens.authenticate(token)
  }

  /**
   * Opens what is wanted for a connection of a program, whose end cancels that.
   * @returns carries the bytes of the connection @throws MeshError why not
   */
  async open(socket: Duplex, { token: text, host, port: number }: Wanted): Promise<() => void> {
    const { agent, tokens, running, log } = this.#init
    const token = tokens.authenticate(text)
    const { peer, port } = memberPortAt(host, number)
    const to = `port:${port}`
    const mustHold = () => void tokens.authenticate(text)
    const caller = callerOf(token, mustHold)
    checkScope(agent, caller, 'connect', to)
    if (socket.destroyed) throw new MeshError('cancelled', `Cannot connect to ${host}: the connection ended`)
    const ended = running.start(token)
    this.#open.set(socket, mustHold)
    this.#looking ??= setInterval(() => this.#look(), gatewayDefaults.lookMs)
    const closed = new AbortController()
    socket.once('close', () => {
      closed.abort()
      ended()
      this.#closed(socket)
    })
    try {
      const pipe = await agent.connect(peer, port, { app: token.app, signal: closed.signal })
      return () => (socket.destroyed ? void pipe.destroy() : join(socket, pipe))
    } catch (thrown) {
      noteDenial(agent, caller, { action: 'connect', to }, thrown)
      const error = hinted(toMeshError(thrown, 'unavailable', `connect to ${host}`), peer, port)
      const facts = { app: token.app, peer, port, code: error.code }
      log.info({ event: 'gateway-connection-failed', ...facts }, 'a connection of a program failed')
      throw error
    }
  }

  /** Resets all. */
  stop(): void {
    for (const socket of this.#open.keys()) socket.destroy()
  }

  #look(): void {
    for (const [socket, mustHold] of this.#open)
      try {
        mustHold()
      } catch {
        socket.destroy()
      }
  }

  #closed(socket: Duplex): void {
    this.#open.delete(socket)
    if (this.#open.size > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
  }
}

/** A number is a name like others here: the hint says so to those that expected a socket's. */
function hinted(error: MeshError, peer: string, port: string): MeshError {
  if (error.code !== 'not_found' || error.hint !== undefined || !/^\d+$/.test(port)) return error
  return new MeshError('not_found', error.message, {
    cause: error,
    notStarted: true,
    hint: `Ports have names: connect to PORT.${peer}.mesh, or expose it there with "--as ${port}".`,
  })
}

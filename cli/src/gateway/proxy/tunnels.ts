/** Connections and requests of programs to ports of members, through the gateway. */
import type { Duplex } from 'node:stream'

import type { Logger } from '@agent-mesh/agent/observe/logger'
import { join } from '@agent-mesh/agent/rpc/pipes/join'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { gatherPieces } from '../../local/gather-pieces.ts'
import type { MemberPort } from '../../ports/local-pipe.ts'
import { callerOf, checkScope, noteDenial, type GatewayAgent, type ProgramCaller } from '../caller.ts'
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

/** What wants the port: a connection, or the response to a request. */
interface Asker {
  readonly destroyed: boolean
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

export class Tunnels {
  readonly #init: TunnelsInit
  /** What has a port open, or opens it; of each what throws once it may no longer. */
  readonly #open = new Map<Asker, () => void>()
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
    const { tokens } = this.#init
    const token = tokens.authenticate(text)
    const to = memberPortAt(host, number)
    const caller = callerOf(token, () => void tokens.authenticate(text))
    gatherPieces(socket)
    const pipe = await this.pipe(socket, to, caller)
    return () => (socket.destroyed ? void pipe.destroy() : join(socket, pipe))
  }

  /** Opens a port for `asker`: its end cancels that, and it is destroyed once its caller may no longer. @throws MeshError why not */
  pipe(asker: Asker, to: MemberPort, caller: ProgramCaller): Promise<Duplex> {
    return this.connect(to, caller, this.admit(asker, to, caller))
  }

  /** Lets `asker` use a port until it ends; it is destroyed once its caller may no longer. @returns aborts at its end @throws MeshError why not */
  admit(asker: Asker, { peer, port }: MemberPort, caller: ProgramCaller): AbortSignal {
    const { agent, running } = this.#init
    const action = `connect to port ${port} of ${peer}`
    checkScope(agent, caller, 'connect', `port:${port}`)
    if (asker.destroyed) throw new MeshError('cancelled', `Cannot ${action}: the connection ended`)
    const ended = running.start(caller)
    this.#open.set(asker, () => caller.mustHold())
    this.#looking ??= setInterval(() => this.#look(), gatewayDefaults.lookMs)
    const closed = new AbortController()
    asker.once('close', () => {
      closed.abort()
      ended()
      this.#closed(asker)
    })
    return closed.signal
  }

  /** Opens a port. @param signal cancels that @throws MeshError why not */
  async connect({ peer, port }: MemberPort, caller: ProgramCaller, signal: AbortSignal): Promise<Duplex> {
    const { agent, log } = this.#init
    const { app } = caller
    try {
      return await agent.connect(peer, port, { app, signal })
    } catch (thrown) {
      noteDenial(agent, caller, { action: 'connect', to: `port:${port}` }, thrown)
      const action = `connect to port ${port} of ${peer}`
      const error = hinted(toMeshError(thrown, 'unavailable', action), peer, port)
      const facts = { app, peer, port, code: error.code }
      log.info({ event: 'gateway-connection-failed', ...facts }, 'a connection of a program failed')
      throw error
    }
  }

  /** Resets all. */
  stop(): void {
    for (const asker of this.#open.keys()) asker.destroy()
  }

  #look(): void {
    for (const [asker, mustHold] of this.#open)
      try {
        mustHold()
      } catch {
        asker.destroy()
      }
  }

  #closed(asker: Asker): void {
    this.#open.delete(asker)
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

/** Opens connections and makes links of them, as many at the same time as this process has handshake slots for. */
import type { Connection } from '@libp2p/interface'
import { MeshError } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { multiaddr } from '@multiformats/multiaddr'
import { whileRunning } from '../../core/while-running.ts'
import { transportDefaults } from '../defaults.ts'
import type { NodeCore } from '../libp2p/node.ts'
import type { Connector } from '../links/connector.ts'
import type { Link } from '../links/link.ts'
import { HandshakeSlots, type Demand } from './handshake-slots.ts'

export interface OpenerInit {
  connector: Pick<Connector, 'dialled'>
  transportManager: () => Pick<NodeCore['transportManager'], 'dial'>
}

export interface Opening {
  /** With the peer id. */
  addr: string
  signal: AbortSignal
  /** A link that makes this one needless. */
  known: () => Link | undefined
  /** Called when TCP or the circuit is open. */
  answered?: () => void
  /** ms after which a dial without an open connection returns its slot. */
  slotMs: number
  demand: Readonly<Demand>
}

export class Opener {
  readonly #transportManager: () => Pick<NodeCore['transportManager'], 'dial'>
  readonly #connector: Pick<Connector, 'dialled'>

  constructor(init: OpenerInit) {
    this.#transportManager = init.transportManager
    this.#connector = init.connector
  }

  /**
   * Waits for a handshake slot; the time limits count from then on.
   * @throws MeshError cancelled when there is a link by then; what the dial and the hello throw
   */
  async open({ addr, signal, known, answered, slotMs, demand }: Opening): Promise<Link> {
    const free = await handshakeSlots.take(signal, demand)
    if (known() !== undefined) {
      free()
      throw new MeshError('cancelled', 'Cannot connect: the peer did so meanwhile')
    }
    const timer = setTimeout(free, timerDelay(slotMs))
    try {
      const dial = (limited: AbortSignal, extend: (ms: number) => void): Promise<Connection> =>
        this.#transportManager().dial(multiaddr(addr), {
          signal: limited,
          maxOutboundStreams: transportDefaults.maxCircuitsPerRelay,
          onProgress: ({ type }) => {
            if (type !== encrypting) return
            answered?.()
            clearTimeout(timer)
            extend(transportDefaults.handshakeMs)
          },
        })
      const connection = await whileRunning(signal, transportDefaults.connectMs, dial)
      return await this.#connector.dialled(connection, signal)
    } finally {
      clearTimeout(timer)
      free()
    }
  }
}

/** Progress event of libp2p: TCP or the circuit is open, and TLS begins. */
const encrypting = 'upgrader:encrypt-outbound-connection'

/** One for the process, because handshakes compete for its CPU. */
const handshakeSlots = new HandshakeSlots(transportDefaults.handshakes)

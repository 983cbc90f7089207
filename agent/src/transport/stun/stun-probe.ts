/**
 * Asks STUN servers from one UDP socket for the address at which they see it. Several servers asked from the same socket show how the NATs on
 * the way map it; silence of all of them means that UDP does not pass.
 */
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import {
  bindingRequest,
  mappedAddressIn,
  MeshError,
  stunTransactionBytes,
  toMeshError,
  type StunAddress,
} from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { transportDefaults } from '../defaults.ts'

export interface StunServerAddress {
  /** IP address or name. */
  host: string
  port: number
}

export interface StunAnswer {
  mapped: StunAddress
  /** Milliseconds; of the first request that was answered, so that a loss is no delay. */
  rttMs: number
}

interface Pending {
  transaction: Buffer
  done: (mapped: StunAddress) => void
}

export class StunProbe {
  readonly #socket: Socket
  readonly #pending = new Set<Pending>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', message => {
      for (const { transaction, done } of this.#pending) {
        const mapped = mappedAddressIn(message, transaction)
        if (mapped !== undefined) return done(mapped)
      }
    })
    // Errors, such as a closed port at the other end, count as silence.
    socket.on('error', () => {})
  }

  /** Binds a free port. @throws MeshError unavailable when this host has no such network */
  static async open(type: 'udp4' | 'udp6'): Promise<StunProbe> {
    const socket = createSocket(type)
    try {
      socket.bind(0)
      await once(socket, 'listening')
      return new StunProbe(socket)
    } catch (error) {
      socket.close()
      throw toMeshError(error, 'unavailable', `open a UDP socket (${type})`)
    }
  }

  get localPort(): number {
    return this.#socket.address().port
  }

  /** Repeats the request until it is answered. @throws MeshError unavailable, cancelled */
  async ask(
    { host, port }: StunServerAddress,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<StunAnswer>()
    const transaction = randomBytes(stunTransactionBytes)
    const request = bindingRequest(transaction)
    const pending: Pending = {
      transaction,
      done: mapped => resolve({ mapped, rttMs: performance.now() - sentAt }),
    }
    let sentAt = performance.now()
    let wait: number = transportDefaults.stunRetryMs
    let timer: NodeJS.Timeout | undefined
    const send = () => {
      sentAt = performance.now()
      // An unreachable host counts as silence: the route may recover within the time.
      this.#socket.send(request, port, host, () => {})
      timer = setTimeout(send, timerDelay(wait))
      wait *= 2
    }
    const expire = setTimeout(
      () =>
        reject(
          new MeshError('unavailable', `Cannot ask ${host}:${port} by UDP: no answer in ${timeoutMs} ms`),
        ),
      timerDelay(timeoutMs),
    )
    const cancel = () => reject(toMeshError(signal.reason, 'cancelled', `ask ${host}:${port} by UDP`))
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) cancel()
    this.#pending.add(pending)
    try {
      send()
      return await promise
    } finally {
      this.#pending.delete(pending)
      clearTimeout(timer)
      clearTimeout(expire)
      signal.removeEventListener('abort', cancel)
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }
}

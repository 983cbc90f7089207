/** The ports of this machine on which an agent listens for commands: `POST /v1/forward` on its socket. */
import type { Agent } from '@agent-mesh/agent'
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalForwardLine, LocalForwardRequest } from '@agent-mesh/protocol/local-forward'

import { forwardPort, type ForwardedPort } from './forward-port.ts'
import { ownNetwork } from './own-network.ts'

/** Ports of one agent at a time, and connections of all of them: each has a descriptor of the agent. */
const most = { ports: 64, connections: 4_096 } as const
/** Failures that wait for a command that does not read; later ones are dropped. */
const mostFailures = 256

export class AgentForwards {
  readonly #agent: Pick<Agent, 'connect'>
  readonly #network: string | undefined
  /** Of each: ends it, and resolves when it is free. */
  readonly #ports = new Map<AbortController, Promise<void>>()
  #stopped = false
  #connections = 0

  /** @param network namespace of this process */
  constructor(agent: Pick<Agent, 'connect'>, network = ownNetwork()) {
    this.#agent = agent
    this.#network = network
  }

  /**
   * Listens until `signal` aborts, which resets connections. @returns where, then each connection that failed; ends when the port is free
   * @throws MeshError conflict for a port in use, permission_denied for one that the system refuses, overloaded; unsupported for
   *   a command in another network namespace; unavailable once it was stopped
   */
  async listen(request: LocalForwardRequest, signal: AbortSignal): Promise<AsyncIterable<LocalForwardLine>> {
    const { listen, network } = request
    const action = `Cannot listen on ${listen.host}:${listen.port}`
    if (network !== this.#network)
      throw new MeshError('unsupported', `${action}: the agent has another network namespace`)
    if (this.#stopped) throw new MeshError('unavailable', `${action}: the agent stops`)
    if (this.#ports.size >= most.ports)
      throw new MeshError('overloaded', `${action}: the agent listens on ${most.ports} ports`)
    const failures = new Failures()
    const open = (closed: AbortSignal) => this.#open(request, closed)
    const listening = forwardPort({ listen, open, failed: error => failures.add(error) })
    const ending = new AbortController()
    ended(signal, () => ending.abort())
    const freed = freedAfter(listening, ending.signal).then(() => {
      this.#ports.delete(ending)
      failures.end()
    })
    this.#ports.set(ending, freed)
    return linesOf(await listening, failures)
  }

  /** Resets connections. Resolves when all ports are free. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const ending of this.#ports.keys()) ending.abort()
    await Promise.all(this.#ports.values())
  }

  #open({ peer, port }: LocalForwardRequest, closed: AbortSignal) {
    if (this.#connections >= most.connections)
      throw new MeshError(
        'overloaded',
        `Cannot connect to ${peer}:${port}: ${most.connections} connections are open`,
      )
    this.#connections++
    ended(closed, () => this.#connections--)
    return this.#agent.connect(peer, port, { signal: closed })
  }
}

/** Stops a port when `signal` aborts. Resolves when it is free, also one that could not be had. */
async function freedAfter(listening: Promise<ForwardedPort>, signal: AbortSignal): Promise<void> {
  const forwarded = await listening.catch(() => undefined)
  if (forwarded === undefined) return
  await new Promise<void>(resolve => ended(signal, resolve))
  await forwarded.stop()
}

/** Calls back once, also for a signal that has aborted. */
function ended(signal: AbortSignal, work: () => void): void {
  if (signal.aborted) work()
  else signal.addEventListener('abort', work, { once: true })
}

async function* linesOf(
  { host, port }: ForwardedPort,
  failures: Failures,
): AsyncGenerator<LocalForwardLine, void, undefined> {
  yield { listening: { host, port } }
  for await (const error of failures.taken()) yield { failed: problemOf(error) }
}

class Failures {
  readonly #waiting: MeshError[] = []
  #ended = false
  #wake = Promise.withResolvers<void>()

  add(error: MeshError): void {
    if (this.#waiting.length < mostFailures) this.#waiting.push(error)
    this.#wake.resolve()
  }

  end(): void {
    this.#ended = true
    this.#wake.resolve()
  }

  async *taken(): AsyncGenerator<MeshError, void, undefined> {
    while (!this.#ended) {
      await this.#wake.promise
      this.#wake = Promise.withResolvers()
      yield* this.#waiting.splice(0)
    }
  }
}

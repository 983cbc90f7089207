/** The ports that this member exposes, by name: the target of each, and the members for whom its owner opened it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { MeshError, portNameField, type Subject } from '@agent-mesh/protocol'
import { hostPort } from '@agent-mesh/protocol/host-port'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { checkAllow } from '../../core/check-allow.ts'
import { checkNames } from '../../core/option-names.ts'
import { pipeDefaults } from './defaults.ts'
import { join } from './join.ts'

/** A TCP port, reached from this machine. */
export interface TcpTarget {
  /** @default 127.0.0.1 */
  host?: string
  port: number
}

/** Takes a pipe that was opened by a member whom the policy allows. What it throws, or rejects with, resets the pipe. */
export type PipeHandler = (pipe: Duplex, caller: Subject) => void | Promise<void>

export interface ExposedPort {
  /** What callers and the policy (`port:NAME`) know it by: `ssh`. */
  name: string
  /** Where its bytes go. */
  to: TcpTarget | PipeHandler
  /** Members for whom this machine's owner opens it, as selectors of the policy (`tag:ops`); the policy must allow them, too. @default all */
  allow?: readonly string[]
}

/** What a program without types exposes. @throws MeshError invalid_argument */
export function checkExposed(port: unknown): asserts port is ExposedPort {
  const refuse = (reason: string): never => {
    const hint = "Write expose({ name: 'ssh', to: { port: 22 } }); to may be a function of a pipe, too."
    throw new MeshError('invalid_argument', `Cannot expose a port: ${reason}`, { hint })
  }
  if (typeof port !== 'object' || port === null) return refuse(`${shownValue(port)} is no port`)
  checkNames(port, ['name', 'to', 'allow'], '', 'expose a port')
  const { name, to, allow } = port as Partial<Record<keyof ExposedPort, unknown>>
  if (typeof name !== 'string') refuse(`its name is ${shownValue(name)}`)
  checkAllow(allow, 'expose a port')
  if (typeof to === 'function') return
  if (typeof to !== 'object' || to === null) return refuse(`to is ${shownValue(to)}`)
  checkNames(to, ['host', 'port'], 'to.', 'expose a port')
  const { host, port: number } = to as Partial<Record<keyof TcpTarget, unknown>>
  if (host !== undefined && typeof host !== 'string') refuse(`to.host is ${shownValue(host)}`)
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65_535)
    refuse(`to.port is ${shownValue(number)}, not 1 to 65535`)
}

export class ExposedPorts {
  readonly #ports = new Map<string, ExposedPort>()

  /** @returns ends it: pipes that are open stay @throws MeshError invalid_argument, conflict */
  add(port: ExposedPort): () => void {
    const { name } = port
    const parsed = portNameField.safeParse(name)
    if (!parsed.success)
      throw new MeshError(
        'invalid_argument',
        `Cannot expose '${name}': it ${parsed.error.issues[0]?.message ?? 'is no name'}`,
      )
    if (this.#ports.has(name))
      throw new MeshError('conflict', `Cannot expose ${name}: a port of this name is exposed already`)
    this.#ports.set(name, port)
    return () => {
      if (this.#ports.get(name) === port) this.#ports.delete(name)
    }
  }

  /** The members for whom its owner opened a port, as selectors; undefined: all, or there is no such port. */
  listOf(name: string): readonly string[] | undefined {
    return this.#ports.get(name)?.allow
  }

  /** @throws MeshError not_found */
  named(name: string): ExposedPort {
    const port = this.#ports.get(name)
    if (port !== undefined) return port
    throw new MeshError('not_found', `Cannot connect to port ${name}: this member exposes no such port`, {
      notStarted: true,
    })
  }
}

/** Opens the target of a port. @returns a function that takes the pipe @throws MeshError unavailable */
export async function openPort({ name, to }: ExposedPort): Promise<PipeHandler> {
  if (typeof to === 'function') return to
  const { host = '127.0.0.1', port } = to
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(pipeDefaults.dialMs) })
  } catch (cause) {
    socket.destroy()
    throw new MeshError(
      'unavailable',
      `Cannot connect to port ${name}: nothing answers at ${hostPort({ host, port })}`,
      {
        cause,
        notStarted: true,
      },
    )
  }
  return pipe => join(pipe, socket)
}

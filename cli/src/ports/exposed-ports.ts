/** The ports that an agent exposes for its owner: they are kept in its data folder and exposed again at each start. */
import { isDeepStrictEqual } from 'node:util'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Agent } from '@agent-mesh/agent'
import { fileFailure, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { localPortsReply, type LocalPort } from '@agent-mesh/protocol/local-ports'
import { parseJson } from '@agent-mesh/protocol/parse'

import { httpPort } from './http-port.ts'

/** Ports of one member; the schema of their list has the same limit. */
const mostPorts = 64

export class ExposedPorts {
  readonly #agent: Pick<Agent, 'expose'>
  readonly #file: string
  readonly #open = new Map<string, { port: LocalPort; close: () => void }>()
  /** Changes wait for each other: each writes all. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param folder data folder of the agent */
  constructor(agent: Pick<Agent, 'expose'>, folder: string) {
    this.#agent = agent
    this.#file = join(folder, 'ports.json')
  }

  /** Exposes what the folder has. @throws MeshError for a file that cannot be read, or is none of ours */
  async restore(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw fileFailure(`read ${this.#file}`, cause)
    })
    if (text === undefined) return
    for (const port of parseJson(localPortsReply, text, `read ${this.#file}`).ports) this.#expose(port)
  }

  list(): LocalPort[] {
    return [...this.#open.values()].map(({ port }) => port).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Nothing happens to a port that is exposed so already. @throws MeshError conflict, overloaded; unavailable for a full disk */
  add(port: LocalPort): Promise<void> {
    return this.#inTurn(async () => {
      const there = this.#open.get(port.name)?.port
      if (isDeepStrictEqual(there, port)) return
      if (there !== undefined)
        throw new MeshError(
          'conflict',
          `Cannot expose ${port.name}: it is ${there.host}:${there.port} already`,
          { hint: `Withdraw it first: agent-mesh unexpose ${port.name}` },
        )
      if (this.#open.size >= mostPorts)
        throw new MeshError('overloaded', `Cannot expose ${port.name}: ${mostPorts} ports are exposed`)
      await this.#write([...this.list(), port])
      this.#expose(port)
    })
  }

  /** Pipes that are open stay. @throws MeshError not_found; unavailable for a full disk */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const found = this.#open.get(name)
      if (found === undefined)
        throw new MeshError('not_found', `Cannot withdraw ${name}: no port of this name is exposed`, {
          hint: 'List them with "agent-mesh exposed".',
        })
      await this.#write(this.list().filter(port => port.name !== name))
      this.#open.delete(name)
      found.close()
    })
  }

  #expose(port: LocalPort): void {
    const { name, kind, host, port: number, allow } = port
    const target = { host, port: number }
    const to = kind === 'http' ? httpPort(target) : target
    const close = this.#agent.expose({ name, to, ...(allow !== undefined && { allow }) })
    this.#open.set(name, { port, close })
  }

  async #write(ports: readonly LocalPort[]): Promise<void> {
    await replaceFile(this.#file, `${JSON.stringify({ ports }, null, 2)}\n`).catch((cause: unknown) => {
      throw fileFailure(`write ${this.#file}`, cause)
    })
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => undefined)
    return done
  }
}

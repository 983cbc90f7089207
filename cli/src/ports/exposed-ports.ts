/** The ports that an agent exposes for its owner. */
import { join } from 'node:path'

import type { Agent } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'
import { hostPort } from '@agent-mesh/protocol/host-port'
import { localPortsReply, type LocalPort } from '@agent-mesh/protocol/local-ports'
import { parseJson } from '@agent-mesh/protocol/parse'

import { KeptList } from '../data/kept-list.ts'
import { httpPort } from './http-port.ts'

/** Ports of one member; the schema of their list has the same limit. */
const mostPorts = 64

export class ExposedPorts {
  readonly #agent: Pick<Agent, 'expose'>
  readonly #kept: KeptList<LocalPort>

  /** @param folder data folder of the agent */
  constructor(agent: Pick<Agent, 'expose'>, folder: string) {
    this.#agent = agent
    this.#kept = new KeptList<LocalPort>({
      file: join(folder, 'ports.json'),
      keyOf: ({ name }) => name,
      parse: (text, action) => parseJson(localPortsReply, text, action).ports,
      toJson: ports => ({ ports }),
      begin: port => this.#expose(port),
    })
  }

  /** Exposes what the folder has. @throws MeshError for a file that cannot be read, or is none of ours */
  restore(): Promise<void> {
    return this.#kept.restore()
  }

  list(): LocalPort[] {
    return this.#kept.list()
  }

  /** Nothing happens to a port that is exposed so already. @throws MeshError conflict, overloaded; unavailable for a full disk */
  add(port: LocalPort): Promise<void> {
    const { name } = port
    return this.#kept.put(port, (there, others) => {
      if (there !== undefined)
        throw new MeshError('conflict', `Cannot expose ${name}: it is ${exposureOf(there)} already`, {
          hint: `Withdraw it first: agent-mesh unexpose ${name}`,
        })
      if (others >= mostPorts)
        throw new MeshError('overloaded', `Cannot expose ${name}: ${mostPorts} ports are exposed`)
    })
  }

  /** Pipes that are open stay. @throws MeshError not_found; unavailable for a full disk */
  async remove(name: string): Promise<void> {
    if (await this.#kept.remove(name)) return
    throw new MeshError('not_found', `Cannot withdraw ${name}: no port of this name is exposed`, {
      hint: 'List them with "agent-mesh exposed".',
    })
  }

  #expose(port: LocalPort): () => void {
    const { name, kind, host, port: number, allow } = port
    const target = { host, port: number }
    const to = kind === 'http' ? httpPort(target) : target
    return this.#agent.expose({ name, to, ...(allow !== undefined && { allow }) })
  }
}

/** All in which two of one name can differ. */
const exposureOf = ({ kind, allow, ...target }: LocalPort): string =>
  [kind, hostPort(target), ...(allow === undefined ? [] : ['for', ...allow])].join(' ')

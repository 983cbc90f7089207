/** The services of programs that speak HTTP, which an agent serves for its owner. */
import { join } from 'node:path'

import type { Agent } from '@agent-mesh/agent'
import type { Logger } from '@agent-mesh/agent/observe/logger'
import { MeshError } from '@agent-mesh/protocol/errors'
import {
  localServedReply,
  type LocalServeRequest,
  type ServedProgram,
} from '@agent-mesh/protocol/local-programs'
import { parseJson } from '@agent-mesh/protocol/parse'

import { KeptList } from '../data/kept-list.ts'
import { describeProgram } from './describe-program.ts'
import { httpProgram } from './http-program.ts'

/** A record of a member has room for so many services; the schema of their list has the same limit. */
const mostPrograms = 32

export class ServedPrograms {
  readonly #kept: KeptList<ServedProgram>

  /** @param folder data folder of the agent */
  constructor(agent: Pick<Agent, 'serve'>, folder: string, log: Pick<Logger, 'warn'>) {
    this.#kept = new KeptList<ServedProgram>({
      file: join(folder, 'programs.json'),
      keyOf: ({ service }) => service,
      parse: (text, action) => parseJson(localServedReply, text, action).programs,
      toJson: programs => ({ programs }),
      begin: program => agent.serve(httpProgram(program)),
      onNotBegun: ({ service }, err) =>
        log.warn(
          { event: 'program-not-served', service, err },
          `a program is not served: "agent-mesh unserve ${service}" forgets it`,
        ),
    })
  }

  /** Serves what the folder has; the programs need not run. @throws MeshError for a file that cannot be read, or is none of ours */
  restore(): Promise<void> {
    return this.#kept.restore()
  }

  list(): ServedProgram[] {
    return this.#kept.list()
  }

  /**
   * Serves a program, in place of what it served under this name before.
   * @throws MeshError conflict for a service of a module; overloaded; what its description does; unavailable for a full disk
   */
  async serve(
    { service, url, methods: names }: LocalServeRequest,
    { signal }: { signal: AbortSignal },
  ): Promise<ServedProgram> {
    const methods = names?.map(name => ({ name })) ?? (await describeProgram(url, signal))
    const program = { service, url, methods }
    await this.#kept.put(program, (_, others) => {
      if (others >= mostPrograms)
        throw new MeshError('overloaded', `Cannot serve ${service}: ${mostPrograms} programs are served`)
    })
    return program
  }

  /** @throws MeshError not_found; unavailable for a full disk */
  async remove(service: string): Promise<void> {
    if (await this.#kept.remove(service)) return
    throw new MeshError('not_found', `Cannot withdraw ${service}: no program serves it here`, {
      hint: 'List them with "agent-mesh served".',
    })
  }
}

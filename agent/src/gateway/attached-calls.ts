/** Calls through the agent of this machine: it chooses the member, connects, and tries again. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { localCallReply, localServicesReply, type LocalService } from '@agent-mesh/protocol/local-api'
import type { Encoded } from '@agent-mesh/protocol/wire/index'
import type { LinkCallOptions } from '../rpc/index.ts'
import type { Callee, CallTargets, Providers } from '../services/index.ts'
import { askLocal } from './local-socket.ts'

/** Stands for whichever member the agent chooses. */
const anyMember = ''

/** Where calls go: to the agent, which finds the member. */
export class AttachedTargets implements CallTargets {
  protected readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  providers(_service: string): Providers | Promise<Providers> {
    return { good: [anyMember], doubtful: [], offline: [] }
  }

  async versions(name: string): Promise<number[]> {
    const refs = (await this.services()).map(({ service }) => service)
    return refs.filter(ref => ref.startsWith(`${name}@`)).map(ref => Number(ref.slice(name.length + 1)))
  }

  /** The agent knows the members: it refuses a name that there is not. */
  find(nameOrPeerId: string): string {
    return nameOrPeerId
  }

  nameOf(_peerId: string): string | undefined {
    return undefined
  }

  callee(peer: string): Callee {
    return { call: (method, params, options) => this.#call(method, params as Encoded, options, peer) }
  }

  async services(): Promise<LocalService[]> {
    return (await askLocal(this.folder, { path: '/v1/services' }, localServicesReply)).services
  }

  async #call(
    method: string,
    { json, tail }: Encoded,
    { timeoutMs = 0, signal, idempotent, fields }: LinkCallOptions = {},
    peer: string,
  ): Promise<unknown> {
    if (fields?.metadata !== undefined) throw notCarried(method, 'metadata')
    if (tail !== undefined) throw notCarried(method, 'bytes')
    const ms = Math.max(1, Math.ceil(timeoutMs))
    const head = { method, timeoutMs: ms, idempotent, ...(peer !== anyMember && { peer }) }
    const text = JSON.stringify(head)
    const body = json === undefined ? text : `${text.slice(0, -1)},"params":${json}}`
    const reply = await askLocal(
      this.folder,
      { path: '/v1/call', body, timeoutMs: ms, signal },
      localCallReply,
    )
    return reply.value
  }
}

/** As {@link AttachedTargets}, for calls of all: each member by itself. */
export class EachAttached extends AttachedTargets {
  readonly #names = new Map<string, string>()

  override async providers(service: string): Promise<Providers> {
    const known = (await this.services()).filter(
      each => each.service === service || each.service.startsWith(`${service}@`),
    )
    const providers: Providers & { good: string[]; offline: string[] } = {
      good: [],
      doubtful: [],
      offline: [],
    }
    const unique = new Map(known.flatMap(({ providers }) => providers).map(each => [each.peerId, each]))
    for (const { peerId, name, online } of unique.values()) {
      this.#names.set(peerId, name)
      providers[online ? 'good' : 'offline'].push(peerId)
    }
    return providers
  }

  override nameOf(peerId: string): string | undefined {
    return this.#names.get(peerId)
  }
}

const notCarried = (method: string, what: string): MeshError =>
  new MeshError('unsupported', `Cannot call ${method}: the socket of the agent carries no ${what}`, {
    notStarted: true,
    hint: 'Use createAgent() in this program.',
  })

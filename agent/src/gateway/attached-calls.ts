/** Calls through the agent of this machine: it chooses the member, connects, and tries again. */
import { wholeRemainingMs } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'
import { localCallReply, localServicesReply, type LocalService } from '@agent-mesh/protocol/local-api'
import { valueOfLocal } from '@agent-mesh/protocol/local-value'
import type { Encoded, RequestFields } from '@agent-mesh/protocol/wire/index'
import { runWithinTrace } from '../observe/passed-trace.ts'
import {
  systemWheelClock,
  type LinkCallOptions,
  type LinkStream,
  type LinkStreamOptions,
} from '../rpc/index.ts'
import type { Callee, CallTargets, Providers } from '../services/index.ts'
import { askLocal } from './local-socket.ts'
import { lineOf, openLocalStream } from './local-stream.ts'

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
    return {
      call: (method, params, options) => this.#call(method, params as Encoded, options, peer),
      stream: (method, params, options) => this.#stream(method, params as Encoded, options, peer),
    }
  }

  async services(): Promise<LocalService[]> {
    return (await askLocal(this.folder, { path: '/v1/services' }, localServicesReply)).services
  }

  async #call(
    method: string,
    params: Encoded,
    { timeoutMs = 0, signal, idempotent, fields }: LinkCallOptions = {},
    peer: string,
  ): Promise<unknown> {
    refuseMetadata(method, fields)
    const ms = wholeRemainingMs(timeoutMs, 1)
    const head = { method, timeoutMs: ms, idempotent, ...(peer !== anyMember && { peer }) }
    const asked = { path: '/v1/call', body: lineOf(params, 'params', head), timeoutMs: ms, signal }
    const ask = () => askLocal(this.folder, asked, localCallReply)
    return valueOfLocal(await runWithinTrace(fields ?? {}, ask))
  }

  async #stream(
    method: string,
    params: Encoded,
    options: LinkStreamOptions = {},
    peer: string,
  ): Promise<LinkStream> {
    refuseMetadata(method, options.fields)
    const { endsAt } = options
    const timed = endsAt !== undefined && {
      timeoutMs: wholeRemainingMs(endsAt - systemWheelClock.now(), 1),
    }
    const request = { method, params, ...timed, ...(peer !== anyMember && { peer }) }
    return runWithinTrace(options.fields ?? {}, () => openLocalStream(this.folder, request, options))
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

function refuseMetadata(method: string, fields: RequestFields | undefined): void {
  if (fields?.metadata === undefined) return
  throw new MeshError('unsupported', `Cannot call ${method}: the socket of the agent carries no metadata`, {
    notStarted: true,
    hint: 'Use createAgent() in this program.',
  })
}

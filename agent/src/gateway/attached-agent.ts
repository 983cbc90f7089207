/** The agent of this machine, as a program that attaches to it sees it. */
import {
  localPeersReply,
  localStatusReply,
  type LocalPeer,
  type LocalService,
  type LocalStatus,
} from '@agent-mesh/protocol/local-api'
import { awaitProvider } from '../agent/await-provider.ts'
import { describeService } from '../agent/describe-service.ts'
import type { ServiceAgent } from '../agent/service-agent.ts'
import type { Tracing } from '../observe/tracing.ts'
import { systemWheelClock } from '../rpc/index.ts'
import { askedService, Balancer, resilienceOf, ServiceCaller, type Contracts } from '../services/index.ts'
import type { MessageOf, PublishedOf, TopicContract } from '../topics/contract.ts'
import type { Published, PublishOptions } from '../topics/subscribe-options.ts'
import { AttachedTargets, EachAttached } from './attached-calls.ts'
import type { AttachedSubscribeOptions, AttachedSubscription } from './attached-topics.ts'
import { askLocal } from './local-socket.ts'

export interface AttachedAgentInit<C extends Contracts> {
  readonly folder: string
  readonly name: string
  readonly peerId: string
  readonly meshId: string
  readonly contracts: C | undefined
  readonly tracing: Tracing
}

/** ms between two looks whether a service has a provider. */
const lookMs = 250

type Calling<C extends Contracts> = Pick<
  ServiceAgent<C>,
  'call' | 'stream' | 'callAll' | 'service' | 'describe' | 'waitFor'
>

/** Breakers and the choice of members are the agent's: this side asks it alone. */
export class AttachedAgent<const C extends Contracts = readonly []> implements Calling<C> {
  /** Of the agent, as the mesh knows it. */
  readonly name: string
  readonly peerId: string
  readonly meshId: string
  readonly call: Calling<C>['call']
  readonly stream: Calling<C>['stream']
  readonly callAll: Calling<C>['callAll']
  readonly service: Calling<C>['service']
  readonly #folder: string
  readonly #each: EachAttached
  readonly #callEach: ServiceCaller<C>

  constructor({ folder, name, peerId, meshId, contracts, tracing }: AttachedAgentInit<C>) {
    this.name = name
    this.peerId = peerId
    this.meshId = meshId
    this.#folder = folder
    this.#each = new EachAttached(folder)
    const calls = callerOf(new AttachedTargets(folder), contracts, tracing)
    const each = (this.#callEach = callerOf(this.#each, contracts, tracing))
    this.call = calls.call.bind(calls)
    this.stream = calls.stream.bind(calls)
    this.service = calls.service.bind(calls) as Calling<C>['service']
    this.callAll = each.callAll.bind(each) as Calling<C>['callAll']
  }

  /** @throws MeshError unavailable when the agent has stopped */
  status(): Promise<LocalStatus> {
    return askLocal(this.#folder, { path: '/v1/status' }, localStatusReply)
  }

  /** @throws MeshError unavailable when the agent has stopped */
  async peers(): Promise<LocalPeer[]> {
    return (await askLocal(this.#folder, { path: '/v1/peers' }, localPeersReply)).peers
  }

  /** @throws MeshError unavailable when the agent has stopped */
  services(): Promise<LocalService[]> {
    return this.#each.services()
  }

  /** As of an agent. @throws MeshError permission_denied, invalid_argument, too_large, overloaded, unsupported for a version other than 1 */
  async publish<const Topic extends string | TopicContract>(
    topic: Topic,
    message: PublishedOf<Topic>,
    options?: PublishOptions,
  ): Promise<Published> {
    const { publishAttached } = await import('./attached-topics.ts')
    return publishAttached(this.#folder, topic, message, options)
  }

  /** As of an agent, to be iterated. @throws MeshError permission_denied, invalid_argument, overloaded, unsupported for a version other than 1 */
  async subscribe<const Topic extends string | TopicContract>(
    topic: Topic,
    options?: AttachedSubscribeOptions,
  ): Promise<AttachedSubscription<MessageOf<Topic>>> {
    const { subscribeAttached } = await import('./attached-topics.ts')
    return (await subscribeAttached(this.#folder, topic, options)) as AttachedSubscription<MessageOf<Topic>>
  }

  readonly describe: Calling<C>['describe'] = async (service, options = {}) => {
    const ask: Parameters<typeof describeService>[0]['ask'] = (...args) => this.#callEach.ask(...args)
    return describeService({ targets: this.#each, ask }, askedService(service, 'describe'), options)
  }

  readonly waitFor: Calling<C>['waitFor'] = async (service, options) =>
    awaitProvider({ targets: this.#each, changes: [regularly] }, askedService(service, 'wait for'), options)
}

function callerOf<C extends Contracts>(
  targets: AttachedTargets,
  contracts: C | undefined,
  tracing: Tracing,
): ServiceCaller<C> {
  const { random } = Math
  return new ServiceCaller<C>({
    ...{ targets, tracing, random, now: () => systemWheelClock.now() },
    balancer: new Balancer({ resilience: resilienceOf(false), random }),
    ...(contracts !== undefined && { contracts }),
  })
}

const regularly = (look: () => void): (() => void) => {
  const timer = setInterval(look, lookMs)
  return () => clearInterval(timer)
}

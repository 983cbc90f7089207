/** An agent of a test mesh: it serves and calls by the code of real agents; its links are memory, its time is virtual. */
import { parseBalancing } from '../agent/balancing.ts'
import { askedCall } from '../agent/asked-call.ts'
import { awaitProvider } from '../agent/await-provider.ts'
import type { AgentEvents, EventListeners } from '../agent/events/agent-events.ts'
import type { AgentOptions } from '../agent/create-agent.ts'
import { describeService } from '../agent/describe-service.ts'
import type { ServiceAgent } from '../agent/service-agent.ts'
import { Listeners } from '../core/listeners.ts'
import { memberDefaults } from '../member/defaults.ts'
import { refuseAfterStop } from '../member/stopped.ts'
import type { CallCache } from '../services/cache/call-cache.ts'
import { taggedBy } from '../services/cache/tags.ts'
import {
  Balancer,
  addMiddleware,
  askedService,
  checkContract,
  checkDefinition,
  Hedging,
  ServiceCaller,
  type Contracts,
  type Middleware,
} from '../services/index.ts'
import { memoryEvents } from './memory-events.ts'
import { MemoryExchange } from './memory-exchange.ts'
import type { MemoryMember } from './memory-member.ts'
import type { MemoryTargets, SharedKnowledge } from './memory-targets.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How an agent calls: as in the options of `createAgent`. */
export type CallingOptions<C extends Contracts> = Pick<
  AgentOptions<C>,
  'contracts' | 'balance' | 'resilience'
>

export interface MemoryAgentInit<C extends Contracts> {
  readonly member: MemoryMember
  readonly targets: MemoryTargets
  readonly known: SharedKnowledge
  readonly time: VirtualTime
  readonly cache: CallCache
  /** [0, 1). */
  readonly random: () => number
  readonly options: CallingOptions<C>
  /** A listener of an event threw this. */
  readonly onListenerFailure: (event: string, thrown: unknown) => void
}

export class MemoryAgent<const C extends Contracts = readonly []>
  extends MemoryExchange
  implements ServiceAgent<C>
{
  readonly #member: MemoryMember
  readonly #targets: MemoryTargets
  readonly #known: SharedKnowledge
  readonly #time: VirtualTime
  readonly #cache: CallCache
  readonly #caller: ServiceCaller<C>
  readonly #events: EventListeners
  #stopping: Promise<void> | undefined

  constructor(init: MemoryAgentInit<C>) {
    const { member, targets, known, time, cache, random, options } = init
    super(member)
    this.#member = member
    this.#targets = targets
    this.#known = known
    this.#time = time
    this.#cache = cache
    known.invalidated.add(({ by, tags }) => {
      if (by !== member.subject && member.hears(by)) void cache.invalidate(tags)
    })
    const balancing = parseBalancing(options)
    const { startTimer } = time
    const { onListenerFailure } = init
    const breakers = new Listeners<AgentEvents['breaker']>(thrown => onListenerFailure('breaker', thrown))
    this.#events = memoryEvents({ self: member, known, breakers, onFailure: onListenerFailure })
    this.#caller = new ServiceCaller<C>({
      ...{ targets, self: member.peerId, cache, random, startTimer },
      ...(options.contracts !== undefined && { contracts: options.contracts }),
      balancer: new Balancer({ ...balancing, random, onBreaker: change => breakers.emit(change) }),
      hedging: new Hedging(balancing.resilience.hedgeBudget, startTimer),
      now: () => time.now(),
    })
  }

  get name(): string {
    return this.#member.name
  }

  get peerId(): string {
    return this.#member.peerId
  }

  readonly serve: ServiceAgent<C>['serve'] = definition => {
    checkDefinition(definition)
    const { contract, handlers, options } = definition
    this.mustRun(`serve ${contract.name}`)
    return this.#member.registry.serve(contract, handlers, options)
  }

  readonly call: ServiceAgent<C>['call'] = async (method, ...rest) => {
    this.mustRun(`call ${method}`)
    return this.#caller.call(method, ...rest)
  }

  readonly ask: ServiceAgent<C>['ask'] = async (method, params, options) => {
    this.mustRun(`call ${method}`)
    return askedCall(
      this.#targets,
      () => this.#caller.ask(method, params, options),
      () => this.#time.now(),
    )
  }

  readonly callAll = ((method: never, params: never, options: { each?: true } = {}): unknown => {
    this.mustRun(`call ${String(method)}`)
    return this.#caller.callAll(method, params, options as never)
  }) as ServiceAgent<C>['callAll']

  readonly stream: ServiceAgent<C>['stream'] = (method, ...rest) => {
    this.mustRun(`call ${method}`)
    return this.#caller.stream(method, ...rest)
  }

  readonly service: ServiceAgent<C>['service'] = (contract, options) => {
    checkContract(contract)
    this.mustRun(`call ${contract.name}`)
    return this.#caller.service(contract, options)
  }

  readonly describe: ServiceAgent<C>['describe'] = async (service, options = {}) => {
    const name = askedService(service, 'describe')
    this.mustRun(`describe ${name}`)
    const targets = this.#targets
    return describeService({ targets, ask: (...args) => this.#caller.ask(...args) }, name, options)
  }

  readonly waitFor: ServiceAgent<C>['waitFor'] = async (service, options) => {
    const name = askedService(service, 'wait for')
    this.mustRun(`wait for ${name}`)
    const changes = [(listener: () => void) => this.#known.changed.add(listener)]
    const { startTimer } = this.#time
    await awaitProvider({ targets: this.#targets, changes, startTimer }, name, options)
  }

  readonly on: ServiceAgent<C>['on'] = (name, listener, options) => {
    this.mustRun(`listen to ${name}`)
    return this.#events.on(name, listener, options)
  }

  use(middleware: Middleware): () => void {
    this.mustRun('use middleware')
    return addMiddleware(middleware, { call: this.#caller, serve: this.#member.dispatcher })
  }

  async invalidate(answers: { tags: readonly string[] }): Promise<number> {
    this.mustRun('invalidate cached answers')
    const parsed = taggedBy(answers)
    const dropped = await this.#cache.invalidate(parsed)
    this.#known.invalidated.emit({ by: this.#member.subject, tags: parsed })
    return dropped
  }

  /** Handlers that run have 8 s of virtual time to end; then, and when none runs, the links close. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  async #stop(): Promise<void> {
    await this.#member.leave(memberDefaults.drainMs)
    this.#events.stop()
    this.#caller.stop()
  }

  protected mustRun(action: string): void {
    refuseAfterStop(this.#member.ended, 'agent', action)
  }
}

/** The agent of a machine: member of a mesh, reachable through its relays, serving and calling. */
import type { Duplex } from 'node:stream'
import type { MeshError, PathReport, TransferOffer, TuningReport } from '@agent-mesh/protocol'
import type { ReceiveOptions, RpcLink, SendOptions, Transfer, TransferSource } from '../rpc/index.ts'
import {
  addMiddleware,
  askedService,
  checkContract,
  checkDefinition,
  type ServiceCaller,
  type CallAllOptions,
  type CallAllResult,
  type CallAllResults,
  type CallEachOptions,
  type CallArguments,
  type AskOptions,
  type CallOptions,
  type Contracts,
  type DescribedService,
  type MethodContracts,
  type MethodName,
  type Middleware,
  type ParamsOf,
  type ResultOf,
  type ServiceClient,
  type ServiceContract,
  type ServiceDefinition,
  type ServiceOptions,
  type ServiceStream,
  type StreamName,
  type StreamOptions,
  type TakesOf,
  type YieldsOf,
} from '../services/index.ts'
import { taggedBy } from '../services/cache/tags.ts'
import { agentCaller, type AgentInit } from './agent-caller.ts'
import { askedCall, type AskedCall } from './asked-call.ts'
import { awaitProvider, providerChanges, type AwaitOptions } from './await-provider.ts'
import {
  EventListeners,
  type AgentEventName,
  type AgentEvents,
  type ListenOptions,
} from './events/agent-events.ts'
import { eventWatches } from './events/event-watches.ts'
import { checkExposed, type ExposedPort } from '../rpc/pipes/exposed-ports.ts'
import type { PipeOptions, Pipes } from './pipes.ts'
import type { ServedPipes } from './served-pipes.ts'
import { MeshInvalidation } from './mesh-invalidation.ts'
import { describeService, type DescribeOptions, type DescribeServiceInit } from './describe-service.ts'
import { pathBetween, type PathOptions } from './path-between.ts'
import { pingMember, type Pinged, type PingOptions } from './ping-member.ts'
import { PublishingMember } from './publishing-member.ts'
import type { Reachable } from './reachable.ts'
import { relayReach } from './relay-reach.ts'
import type { Targets } from './targets.ts'

export class Agent<const C extends Contracts = readonly []> extends PublishingMember {
  /** The settings that it tunes by what its calls show, and the last changes. */
  readonly tuning: () => TuningReport
  readonly #targets: Targets
  readonly #reachable: Reachable
  readonly #self: RpcLink
  readonly #served: ServedPipes
  readonly #pipes: Pipes
  readonly #invalidation: MeshInvalidation
  readonly #events: EventListeners
  readonly #caller: ServiceCaller<C>

  constructor(init: AgentInit<C>) {
    const { member, targets, reachable, self, served, pipes, topics, cache } = init
    super(member, topics)
    this.#targets = targets
    this.#reachable = reachable
    this.#self = self
    this.#served = served
    this.#pipes = pipes
    this.#invalidation = new MeshInvalidation(member, topics, cache)
    this.tuning = () => init.tuning.report()
    this.#events = new EventListeners({ watches: eventWatches(init), log: member.log })
    this.#caller = agentCaller(init)
  }

  /**
   * Serves a definition to the members that the policy allows; the result ends that.
   * @throws MeshError invalid_argument for what is no service, conflict when this version is served already, going_away after {@link stop}
   */
  serve<Name extends string, Methods extends MethodContracts>(
    definition: ServiceDefinition<Name, Methods>,
  ): () => void {
    checkDefinition(definition)
    this.mustRun(`serve ${definition.contract.name}`)
    return this.member.serving.registry.serve(definition.contract, definition.handlers, definition.options)
  }

  /** Calls a method on a member that serves it. @throws MeshError as {@link ServiceCaller.call} */
  call<Method extends MethodName<C>>(
    method: Method,
    ...rest: CallArguments<C, Method, CallOptions<ResultOf<C, Method>>>
  ): Promise<ResultOf<C, Method>> {
    // Not async: that would cost each call a promise more.
    try {
      this.mustRun(`call ${method}`)
    } catch (error) {
      return Promise.reject(error as MeshError)
    }
    return this.#caller.call(method, ...rest)
  }

  /**
   * Opens a stream of a method at a member that serves it: to be iterated, and cancelled.
   * @throws MeshError going_away after {@link stop}; the stream throws what {@link call} does
   */
  stream<Method extends StreamName<C>>(
    method: Method,
    ...rest: CallArguments<C, Method, StreamOptions<TakesOf<C, Method>>>
  ): ServiceStream<YieldsOf<C, Method>, ResultOf<C, Method>> {
    this.mustRun(`call ${method}`)
    return this.#caller.stream(method, ...rest)
  }

  /**
   * A service as an object with a function for each method: `agent.service(math).add({ a: 1, b: 2 })`. Its version is asked for,
   * whatever other versions there are; with `{ version: '1 || 2' }` the newest of these that is served.
   * @throws MeshError invalid_argument for a range that is none
   */
  service<Name extends string, Methods extends MethodContracts>(
    contract: ServiceContract<Name, Methods>,
    options?: ServiceOptions,
  ): ServiceClient<Methods> {
    checkContract(contract)
    this.mustRun(`call ${contract.name}`)
    return this.#caller.service(contract, options)
  }

  /**
   * Runs functions of the program around each call from the next one on: `call` around those that this agent makes, `serve` around
   * those that it serves. The first added is the outermost. @returns how to remove them @throws MeshError invalid_argument
   */
  use(middleware: Middleware): () => void {
    this.mustRun('use middleware')
    return addMiddleware(middleware, { call: this.#caller, serve: this.member.serving.dispatcher })
  }

  /**
   * Waits until a member that serves it is known and not believed offline. @param service a contract, `math` or `math@2`
   * @throws MeshError deadline_exceeded after `timeout` ms (30,000), cancelled, invalid_argument
   */
  async waitFor(
    service: string | Pick<ServiceContract, 'name' | 'version'>,
    options: AwaitOptions = {},
  ): Promise<void> {
    const name = askedService(service, 'wait for')
    this.mustRun(`wait for ${name}`)
    const changes = providerChanges(this.member)
    await awaitProvider({ targets: this.#targets, changes }, name, options)
  }

  /**
   * Calls `listener` with each change from now on: `member`, `service`, `path`; with `ready` also soon, when a relay is linked already.
   * What it throws is logged. @returns how to stop listening, which `signal` and {@link stop} do, too
   * @throws MeshError invalid_argument for an event or an option that there is not
   */
  on<Name extends AgentEventName>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
    options: ListenOptions = {},
  ): () => void {
    this.mustRun(`listen to ${name}`)
    return this.#events.on(name, listener, options)
  }

  /**
   * What a provider says of a service: the methods that this member may call, with the JSON Schema of their values.
   * @param service a contract, `math` or `math@2`
   * @throws MeshError as {@link call}; unavailable when no known member serves it
   */
  async describe(
    service: string | Pick<ServiceContract, 'name' | 'version'>,
    options: DescribeOptions = {},
  ): Promise<DescribedService> {
    const name = askedService(service, 'describe')
    this.mustRun(`describe ${name}`)
    const ask: DescribeServiceInit['ask'] = (...args) => this.#caller.ask(...args)
    return describeService({ targets: this.#targets, ask }, name, options)
  }

  /** As {@link call}, with the member that answered, the path and the time; with `explain: true` also why, see {@link Explanation}. */
  async ask(method: string, params?: unknown, options: AskOptions = {}): Promise<AskedCall> {
    this.mustRun(`call ${method}`)
    return askedCall(this.#targets, () => this.#caller.ask(method, params, options))
  }

  /**
   * Asks every member that serves a method and is believed online, with `offline` the others too: one result for each, failures
   * beside successes. With `each: true` the results are iterated as they come: leaving the loop cancels the calls in flight.
   * @throws MeshError invalid_argument for params that do not fit, from the promise or the loop
   */
  callAll<Method extends MethodName<C>>(
    method: Method,
    params: ParamsOf<C, Method>,
    options: CallEachOptions,
  ): AsyncIterable<CallAllResult<ResultOf<C, Method>>>
  callAll<Method extends MethodName<C>>(
    method: Method,
    ...rest: CallArguments<C, Method, CallAllOptions>
  ): Promise<CallAllResults<ResultOf<C, Method>>>
  callAll(method: string, params?: unknown, options: CallAllOptions & { each?: true } = {}): unknown {
    try {
      this.mustRun(`call ${method}`)
    } catch (error) {
      if (options.each === true) throw error
      return Promise.reject(error as MeshError)
    }
    return this.#caller.callAll(method as never, params as never, options)
  }

  /**
   * Drops the cached answers with any of these tags, here and at the members that may hear of it (`topic:mesh.cache`); answers on
   * their way are not kept. @returns how many were dropped here @throws MeshError invalid_argument for more than 16 tags, or one of more than 128 characters
   */
  async invalidate(answers: { tags: readonly string[] }): Promise<number> {
    this.mustRun('invalidate cached answers')
    return this.#invalidation.invalidate(taggedBy(answers))
  }

  /**
   * Opens a port of this machine for other members, to whom the policy allows `connect` on `port:NAME`; the result ends that, and
   * leaves open pipes alone. @throws MeshError invalid_argument, conflict when the name is taken
   */
  expose(port: ExposedPort): () => void {
    checkExposed(port)
    this.mustRun(`expose ${port.name}`)
    return this.#served.expose(port)
  }

  /**
   * Raw bytes to a port that a member exposes, both ways, with half-close. It stays on the link it was opened on, however long it
   * is idle; a lost link destroys it with `path_lost`. @param port `ssh`
   * @throws MeshError not_found, permission_denied, unavailable, overloaded, deadline_exceeded, unsupported by a member of an older version
   */
  async connect(peer: string, port: string, options: PipeOptions = {}): Promise<Duplex> {
    this.mustRun(`connect to port ${port} of ${peer}`)
    return this.#pipes.connect(peer, port, options)
  }

  /**
   * Offers a file, bytes or a stream of bytes to a member: the offer goes to it in params of a call, and it passes that to
   * {@link receive}. Handlers use `context.send`. @param from path of a file; bytes; a `Readable` or another iterable of bytes
   * @throws MeshError not_found for the member or the file, permission_denied, invalid_argument, overloaded
   */
  async send(peer: string, from: TransferSource, options: SendOptions = {}): Promise<TransferOffer> {
    this.mustRun(`send to ${peer}`)
    return this.member.serving.transfers.offer(this.#pipes.find(peer, `send to ${peer}`), from, options)
  }

  /**
   * What another member offers, to be saved or read once; nothing is fetched before that.
   * @throws MeshError invalid_argument for what is no offer
   */
  receive(offer: TransferOffer, options: ReceiveOptions = {}): Transfer {
    this.mustRun('receive')
    return this.#pipes.receive(offer, options)
  }

  /** Round trip to a member over its best link, and over every other. @throws MeshError not_found, unavailable, deadline_exceeded */
  async ping(peer: string, options: PingOptions = {}): Promise<Pinged> {
    this.mustRun(`ping ${peer}`)
    return pingMember({ member: this.member, targets: this.#targets }, peer, options)
  }

  /**
   * The paths to a member, with reasons; from this agent, or from the member `from`.
   * @throws MeshError not_found; as {@link call} when another member is asked
   */
  async path(to: string, options: PathOptions = {}): Promise<PathReport> {
    this.mustRun(`find the path to ${to}`)
    return pathBetween(this.member, { targets: this.#targets, caller: this.#caller }, to, options)
  }

  protected reachability() {
    return relayReach(this.member, this.#reachable)
  }

  protected async drain(drainMs: number): Promise<void> {
    this.member.log.info({ event: 'agent-stopping' }, 'stopping')
    const parts = [this.#reachable.depart(), this.#self.goAway(drainMs), this.#served.drain(drainMs)]
    await Promise.all([...parts, this.depart(drainMs)])
  }

  protected async close(): Promise<void> {
    this.#events.stop()
    this.#caller.stop()
    this.#self.close()
    this.#served.close()
    await Promise.all([this.topics.stop(), this.#reachable.stop()])
  }
}

/**
 * A mesh inside one process, for the tests of services: no socket, no control plane, no file, and no time that passes by itself. What
 * agents do with a call, a stream, an error or a policy is the code of real agents.
 */
import { defaultPolicy, MeshError, parse, policySchema, type Policy } from '@agent-mesh/protocol'
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../core/invalid-argument.ts'
import { checkOptions, namesOf } from '../core/option-names.ts'
import { TimerWheel } from '../rpc/index.ts'
import { CallCache } from '../services/cache/call-cache.ts'
import { cacheDefaults } from '../services/cache/defaults.ts'
import { checkContracts, type Contracts, type HandlerFailure } from '../services/index.ts'
import { MemoryAgent, type CallingOptions } from './memory-agent.ts'
import { MemoryLinks } from './memory-links.ts'
import { MemoryMember, type MemberOptions } from './memory-member.ts'
import { MemoryTargets, SharedKnowledge } from './memory-targets.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualTime } from './virtual-time.ts'

export interface TestMeshOptions {
  /** @default what a new mesh has: agents may call all services */
  readonly policy?: Policy
  /** Of the choices between providers and of the pauses between tries: the same seed makes the same choices. @default 1 */
  readonly seed?: number
}

export type TestAgentOptions<C extends Contracts> = MemberOptions & CallingOptions<C>

/** A handler that threw something other than a MeshError: its caller gets `internal` and the id. */
export type TestFailure = HandlerFailure & { readonly agent: string }

/** ms after which the others believe a killed member offline, as where a relay watches it. */
const missedMs = 5_000

/**
 * Makes a test mesh. It holds nothing of the process: {@link MemoryMesh.stop} is for tests that check what handlers do at the end.
 * @throws MeshError invalid_argument
 */
export function createTestMesh(options: TestMeshOptions = {}): MemoryMesh {
  checkOptions(options, meshNames, 'make a test mesh')
  const { seed } = options
  if (seed !== undefined && !Number.isFinite(seed))
    throw invalidArgument('make a test mesh', `seed is ${shownValue(seed)}, no number`)
  return new MemoryMesh(options)
}

const meshNames = namesOf<TestMeshOptions>({ policy: true, seed: true })
const agentNames = namesOf<TestAgentOptions<Contracts>>({
  roles: true,
  tags: true,
  region: true,
  zone: true,
  contracts: true,
  balance: true,
  resilience: true,
})

export class MemoryMesh {
  /** Virtual time, ms since the mesh was made; it moves by {@link advance} alone. */
  readonly time = new VirtualTime()
  /** What handlers threw, in the order of the failures: the log of all agents. */
  readonly failures: TestFailure[] = []
  /** What listeners of events threw, and handlers of subscriptions, with the name of the event or the topic. */
  readonly listenerFailures: { agent: string; event: string; thrown: unknown }[] = []
  readonly #known: SharedKnowledge
  readonly #wheel = new TimerWheel(this.time)
  readonly #links = new MemoryLinks(this.time, this.#wheel)
  readonly #members = new Map<string, MemoryMember>()
  readonly #random: () => number

  constructor({ policy = defaultPolicy, seed = 1 }: TestMeshOptions) {
    this.#known = new SharedKnowledge(parse(policySchema, policy, 'make a test mesh: policy'))
    this.#random = seededRandom(seed)
  }

  /** Adds an agent; the others know it at once. @throws MeshError invalid_argument, conflict for a name that another one has */
  agent<const C extends Contracts = readonly []>(
    name: string,
    options: TestAgentOptions<C> = {},
  ): MemoryAgent<C> {
    const action = `add the agent ${name}`
    checkOptions(options, agentNames, action)
    checkContracts(options.contracts, action)
    const member = this.#join(name, options)
    const known = this.#known
    const { time } = this
    const now = () => time.now()
    const link = (to: Parameters<MemoryLinks['link']>[1]) => this.#links.link(member, to)
    const targets = new MemoryTargets({ self: member, known, local: member.local, link, now })
    const guard = {
      allows: (target: string) => member.allows(target),
      originOf: (peerId: string | undefined) => ({ peerId, serial: undefined, revocations: 0 }),
      trusts: () => true,
    }
    const cache = new CallCache({ maxBytes: cacheDefaults.maxBytes, guard, now })
    const onListenerFailure = (event: string, thrown: unknown) =>
      void this.listenerFailures.push({ agent: name, event, thrown })
    const calling = { targets, cache, random: this.#random, options }
    return new MemoryAgent({ member, known, time, ...calling, onListenerFailure })
  }

  /** Lets so many ms pass: deadlines, pauses, delays and what else is due by then happens, in its order. @throws MeshError invalid_argument */
  advance(ms: number): Promise<void> {
    return this.time.advance(ms)
  }

  /** Another policy is in force for all members at once. @throws MeshError invalid_argument */
  setPolicy(policy: Policy): void {
    this.#known.current = { policy: parse(policySchema, policy, 'set the policy') }
    this.#known.policyChanged.emit()
  }

  /** The process of an agent ends without a word. The others believe it offline 5 s later. @throws MeshError not_found */
  kill(name: string): void {
    const member = this.#find(name)
    member.kill()
    this.#members.delete(name)
    this.time.startTimer(missedMs, () => member.missed())
  }

  /** The network between two agents fails: their link breaks, and no other comes up until {@link mend}. @throws MeshError not_found */
  cut(a: string, b: string): void {
    this.#links.cut(this.#find(a).name, this.#find(b).name)
  }

  /** Ends {@link cut}. @throws MeshError not_found */
  mend(a: string, b: string): void {
    this.#links.mend(this.#find(a).name, this.#find(b).name)
  }

  /** What is sent between two agents takes so many ms from now on, each way. @throws MeshError not_found, invalid_argument */
  delay(a: string, b: string, ms: number): void {
    if (!(ms >= 0 && ms < Infinity))
      throw new MeshError('invalid_argument', `Cannot delay the link of ${a} and ${b}: by ${ms} ms`)
    this.#links.delay(this.#find(a).name, this.#find(b).name, ms)
  }

  /** Ends all agents at once: what runs is aborted. */
  stop(): void {
    for (const member of this.#members.values()) member.kill()
    this.#members.clear()
    this.#wheel.stop()
  }

  #join(name: string, options: MemberOptions): MemoryMember {
    const { pattern, not } = fieldForms.name
    if (!pattern.test(name)) throw new MeshError('invalid_argument', `Cannot add an agent: '${name}' ${not}`)
    if (this.#members.get(name)?.ended === false)
      throw new MeshError('conflict', `Cannot add an agent: '${name}' is one already`)
    const onFailure = (failure: HandlerFailure) => void this.failures.push({ agent: name, ...failure })
    const onTopicFailure = (topic: string, thrown: unknown) =>
      void this.listenerFailures.push({ agent: name, event: topic, thrown })
    const shared = { known: this.#known, links: this.#links, time: this.time, wheel: this.#wheel }
    const member = new MemoryMember({ name, options, ...shared, onFailure, onTopicFailure })
    this.#members.set(name, member)
    this.#known.add(member)
    return member
  }

  #find(name: string): MemoryMember {
    const member = this.#members.get(name)
    if (member !== undefined) return member
    throw new MeshError('not_found', `Cannot find the agent ${name}: the test mesh has none of that name`, {
      hint: `It has ${[...this.#members.keys()].join(', ') || 'none'}.`,
    })
  }
}

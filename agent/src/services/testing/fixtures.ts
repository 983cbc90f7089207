import { MeshError, type Subject } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { TimerWheel, type OnRequest, type RpcLink } from '../../rpc/index.ts'
import { linkPair, type LinkPair } from '../../rpc/testing/link-pair.ts'
import type { CallTargets } from '../balance/call-targets.ts'
import type { Providers } from '../balance/directory.ts'
import { ServiceCaller } from '../call/service-caller.ts'
import { defineService } from '../contract/contract.ts'

export const math = defineService({
  name: 'math',
  version: 2,
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), idempotent: true },
    divide: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), timeout: 200 },
  },
})

export const ops: Subject = { sub: '12D3KooWops', name: 'ops', roles: ['agent'], tags: [] }

export const allowAll = (): void => {}

export const denyUnless =
  (target: string) =>
  ({ to }: { to: string }): void => {
    if (to !== target) throw new MeshError('permission_denied', `Cannot call ${to}: no grant allows it`)
  }

/** Members reached over real sockets, each named after its key. */
export class TestTargets implements CallTargets {
  readonly connects: string[] = []
  /** Names believed offline; they answer all the same. */
  readonly offline = new Set<string>()
  /** Names believed silent. */
  readonly doubtful = new Set<string>()
  readonly pairs = new Map<string, LinkPair>()
  readonly wheel = new TimerWheel()
  readonly #members = new Map<string, OnRequest>()

  add(name: string, onRequest: OnRequest): this {
    this.#members.set(name, onRequest)
    return this
  }

  providers(): Providers {
    const names = [...this.#members.keys()]
    const off = (name: string) => this.offline.has(name)
    const silent = (name: string) => this.doubtful.has(name)
    return {
      good: names.filter(name => !off(name) && !silent(name)),
      doubtful: names.filter(silent),
      offline: names.filter(off),
    }
  }

  versions(): number[] {
    return []
  }

  find(name: string): string | undefined {
    return this.#members.has(name) ? name : undefined
  }

  nameOf(peerId: string): string | undefined {
    return peerId.startsWith('anonymous') ? undefined : peerId
  }

  async callee(peerId: string): Promise<RpcLink> {
    this.connects.push(peerId)
    const onRequest = this.#members.get(peerId)
    if (onRequest === undefined) throw new MeshError('unavailable', `Cannot connect to ${peerId}: gone`)
    const known = this.pairs.get(peerId)
    if (known?.caller.usable === true) return known.caller
    const pair = await linkPair(onRequest)
    this.pairs.set(peerId, pair)
    return pair.caller
  }

  stop(): void {
    for (const pair of this.pairs.values()) pair.stop()
    this.wheel.stop()
  }
}

/** Meshes of a spec. */
export class SpecTargets {
  readonly all: TestTargets[] = []

  of(members: Record<string, OnRequest>): TestTargets {
    const mesh = new TestTargets()
    for (const [name, onRequest] of Object.entries(members)) mesh.add(name, onRequest)
    this.all.push(mesh)
    return mesh
  }

  stop(): void {
    for (const mesh of this.all.splice(0)) mesh.stop()
  }
}

/** A caller without contracts that prefers the first member. */
export const callerIn = (targets: CallTargets): ServiceCaller =>
  new ServiceCaller({ targets, now: () => performance.now(), random: () => 0 })

/**
 * Members as they change, for the tabs that look at them. While no tab does, nothing is asked. A tab is sent what changed since it
 * was last sent something, so that one that reads slowly holds no queue.
 */
import type { Membership } from '@agent-mesh/protocol/api/memberships'
import { toMeshError, type MeshError } from '@agent-mesh/protocol/errors'
import type { LocalPeer, LocalStatus } from '@agent-mesh/protocol/local-api'
import { sleep } from '@agent-mesh/protocol/timers'

import { listMemberships } from '../data/memberships.ts'
import { listPause } from './list-pause.ts'
import { memberRows, type MemberRow } from './member-row.ts'
import { pageDefaults } from './page-defaults.ts'
import type { PageSource } from './page-source.ts'

/** Why a source says nothing. */
export interface Trouble {
  message: string
  hint?: string | undefined
}

/** What does not belong to a single member. */
export interface LiveFacts {
  /** URL of the control plane; absent without an admin key. */
  controlPlane?: string | undefined
  controlPlaneTrouble?: Trouble | undefined
  agent?: Pick<LocalStatus, 'name' | 'kind' | 'ready' | 'warnings' | 'checks' | 'load' | 'links'> | undefined
  agentTrouble?: Trouble | undefined
}

export interface LiveChange {
  facts?: LiveFacts
  rows: MemberRow[]
  /** Peer ids. */
  gone: string[]
  /** Whether the members that are not named are unknown: the first one of a tab. */
  whole?: true
}

export class LiveMembers {
  readonly #source: PageSource
  readonly #ended = new AbortController()
  #memberships: Membership[] = []
  #billed = true
  #peers: LocalPeer[] = []
  #status: LocalStatus | undefined
  #facts: LiveFacts = {}
  #rows = new Map<string, MemberRow>()
  /** JSON of each row, by peer id: what changed is what differs. */
  #texts = new Map<string, string>()
  #turned = Promise.withResolvers<void>()
  #listDueAt = 0
  #looking: Promise<void> | undefined
  #loop: Promise<void> | undefined
  #watchers = 0

  constructor(source: PageSource) {
    this.#source = source
  }

  row(peerId: string): MemberRow | undefined {
    return this.#rows.get(peerId)
  }

  /** For names in sentences: the peer id where none is known. */
  readonly nameOf = (peerId: string): string => this.#rows.get(peerId)?.name ?? peerId

  /** Everything first, then what changes, until the signal aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<LiveChange, void, undefined> {
    // A tab may be closed before its stream begins: nothing would say so a second time.
    if (signal.aborted) return
    let sent: ReadonlyMap<string, string> | undefined
    let facts = ''
    this.#watch(signal)
    await this.look()
    while (!signal.aborted && !this.#ended.signal.aborted) {
      const { promise } = this.#turned
      const texts = this.#texts
      const change = this.#changeSince(sent, texts)
      const said = JSON.stringify(this.#facts)
      if (said !== facts) change.facts = this.#facts
      if (sent === undefined || change.facts !== undefined || change.rows.length + change.gone.length > 0)
        yield change
      sent = texts
      facts = said
      if (texts === this.#texts) await promise
    }
  }

  /** The list of the control plane is read at the next look: an act of the page has changed it. */
  changed(): void {
    this.#listDueAt = 0
  }

  /** Asks both sources; one look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    this.#turn()
    await this.#loop
    await this.#looking
  }

  #watch(signal: AbortSignal): void {
    this.#watchers++
    signal.addEventListener('abort', () => this.#unwatch(), { once: true })
    this.#loop ??= this.#run()
  }

  #unwatch(): void {
    this.#watchers--
    this.#turn()
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended
    while (this.#watchers > 0 && !signal.aborted) {
      await this.look()
      await sleep(pageDefaults.lookMs, { signal }).catch(() => {})
    }
    this.#loop = undefined
  }

  async #lookOnce(): Promise<void> {
    const before = JSON.stringify(this.#facts)
    await Promise.all([this.#lookAtAgent(), this.#lookAtList()])
    const rows = memberRows({ memberships: this.#memberships, peers: this.#peers, status: this.#status })
    const texts = new Map([...rows].map(([peerId, row]) => [peerId, JSON.stringify(row)]))
    this.#rows = rows
    if (isEqual(texts, this.#texts) && before === JSON.stringify(this.#facts)) return
    this.#texts = texts
    this.#turn()
  }

  async #lookAtAgent(): Promise<void> {
    const client = this.#source.local(this.#ended.signal)
    try {
      this.#status = await client.status()
      this.#peers = this.#status.kind === 'control-plane' ? [] : await client.peers()
      const { name, kind, ready, warnings, checks, load, links } = this.#status
      this.#facts = {
        ...this.#facts,
        agent: { name, kind, ready, warnings, checks, load, links },
        agentTrouble: undefined,
      }
    } catch (thrown) {
      this.#status = undefined
      this.#peers = []
      this.#facts = { ...this.#facts, agent: undefined, agentTrouble: troubleOf(thrown, 'ask the agent') }
    }
  }

  /** What was read stays while the control plane does not answer. */
  async #lookAtList(): Promise<void> {
    const { admin } = this.#source
    if (admin === undefined || performance.now() < this.#listDueAt) return
    this.#facts = { ...this.#facts, controlPlane: admin.url }
    // An act that changes the list while it is read makes it due again.
    this.#listDueAt = Infinity
    const began = performance.now()
    try {
      const { members, billed } = await listMemberships(admin, { limit: '1000' }, this.#ended.signal)
      this.#memberships = members
      this.#billed = billed
      this.#facts = { ...this.#facts, controlPlaneTrouble: undefined }
    } catch (thrown) {
      this.#facts = { ...this.#facts, controlPlaneTrouble: troubleOf(thrown, 'list members') }
    }
    const now = performance.now()
    const read = { members: this.#memberships.length, billed: this.#billed, tookMs: now - began }
    if (this.#listDueAt === Infinity) this.#listDueAt = now + listPause(read)
  }

  #changeSince(
    sent: ReadonlyMap<string, string> | undefined,
    texts: ReadonlyMap<string, string>,
  ): LiveChange {
    const rows = [...this.#rows.values()].filter(({ peerId }) => sent?.get(peerId) !== texts.get(peerId))
    const gone = [...(sent?.keys() ?? [])].filter(peerId => !texts.has(peerId))
    return { rows, gone, ...(sent === undefined && { whole: true }) }
  }

  #turn(): void {
    this.#turned.resolve()
    this.#turned = Promise.withResolvers()
  }
}

const troubleOf = (thrown: unknown, action: string): Trouble => {
  const { message, hint }: MeshError = toMeshError(thrown, 'internal', action)
  return { message, hint }
}

const isEqual = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, text]) => b.get(key) === text)

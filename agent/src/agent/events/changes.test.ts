/** Changes as the parts of an agent tell them, over links without a network. */
import { MeshError } from '@agent-mesh/protocol'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Listeners } from '../../core/listeners.ts'
import { Belief } from '../../membership/belief.ts'
import type { MapMember } from '../../membership/member-index.ts'
import { Presence, type PresenceSource } from '../../membership/presence.ts'
import { Verdicts } from '../../membership/verdicts.ts'
import { ServiceRegistry } from '../../services/index.ts'
import { math } from '../../services/testing/fixtures.ts'
import type { LinkTable } from '../../transport/links/link-table.ts'
import { bareLink, bareTable } from '../../transport/testing/bare-links.ts'
import { pathChanges, relayChanges } from './link-changes.ts'
import { memberChanges, serviceChanges, type OnlineSources } from './online-changes.ts'

const onError = (error: unknown) => {
  throw error
}
const relayed = '/ip4/127.0.0.1/tcp/1/p2p/12D3relay/p2p-circuit'

/** A map that says when it has changed. */
class KnownMembers {
  readonly changed = new Listeners<readonly never[]>(onError)
  readonly forgotten = new Listeners<readonly string[]>(onError)
  #members: MapMember[] = []

  know(...members: readonly (readonly [peerId: string, ...services: string[]])[]): void {
    this.#members = members.map(
      ([peerId, ...services]) => ({ peerId, name: peerId.toUpperCase(), record: { services } }) as never,
    )
    this.changed.emit([])
  }

  members = () => this.#members
  onChange = (listener: (changes: readonly never[]) => void) => this.changed.add(listener)
  onForget = (listener: (peerIds: readonly string[]) => void) => this.forgotten.add(listener)
}

let heardAt: number
let links: LinkTable
let relay: PresenceSource
let map: KnownMembers
let registry: ServiceRegistry
let sources: OnlineSources
let seen: unknown[]
const emit = (event: unknown): void => void seen.push(event)

beforeEach(() => {
  heardAt = 50
  seen = []
  links = bareTable()
  map = new KnownMembers()
  registry = new ServiceRegistry(onError)
  const presence = new Presence(onError)
  relay = presence.from('relay-1')
  const belief = new Belief({
    ...{ self: 'self', links, presence, verdicts: new Verdicts(() => 0, onError), onError },
    heardAt: () => heardAt,
    now: () => 100,
  })
  sources = { self: 'self', map, belief, links, registry }
})

/** All that was asked for until now has been looked at. */
const settled = () => new Promise(setImmediate)

describe('member', () => {
  test('tells once who came online, and went offline, and who left', async () => {
    map.know(['self'], ['ada'], ['ben'])
    relay.tell({ full: true, up: ['ben'], down: [] })
    const stop = memberChanges(sources, emit)
    await settled()
    expect(seen).toEqual([])
    relay.tell({ full: false, up: ['ada'], down: ['ben'] })
    const link = bareLink({ peerId: 'ada' })
    links.add(link)
    await settled()
    expect(seen.splice(0)).toEqual([
      { peerId: 'ben', name: 'BEN', online: false },
      { peerId: 'ada', name: 'ADA', online: true },
    ])
    links.suspect(link)
    await settled()
    expect(seen).toEqual([])
    map.know(['self'])
    await settled()
    expect(seen.splice(0)).toEqual([{ peerId: 'ada', name: 'ADA', online: false }])
    map.know(['ada'])
    stop()
    await settled()
    expect(seen).toEqual([])
  })

  test('finds out that a linked member, which its relay reports offline, is heard again', async () => {
    map.know(['ada'])
    links.add(bareLink({ peerId: 'ada' }))
    relay.tell({ full: true, up: ['ada'], down: [] })
    const stop = memberChanges(sources, emit)
    relay.tell({ full: false, up: [], down: ['ada'] })
    await settled()
    expect(seen.splice(0)).toEqual([{ peerId: 'ada', name: 'ADA', online: false }])
    heardAt = 101
    await vi.waitUntil(() => seen.length > 0, { timeout: 30_000 })
    expect(seen).toEqual([{ peerId: 'ada', name: 'ADA', online: true }])
    stop()
  })
})

describe('service', () => {
  test('tells how many members serve it that are believed online, this one included', async () => {
    map.know(['ada', 'math@2'], ['ben', 'math@2', 'files@1'])
    const stop = serviceChanges(sources, emit)
    relay.tell({ full: true, up: ['ada', 'ben'], down: [] })
    await settled()
    expect(seen.splice(0)).toEqual([
      { service: 'math@2', providers: 2 },
      { service: 'files@1', providers: 1 },
    ])
    const end = registry.serve(math, { add: () => 0, divide: () => 0 })
    await settled()
    expect(seen.splice(0)).toEqual([{ service: 'math@2', providers: 3 }])
    end()
    relay.tell({ full: false, up: [], down: ['ben'] })
    await settled()
    expect(seen.splice(0)).toEqual([
      { service: 'files@1', providers: 0 },
      { service: 'math@2', providers: 1 },
    ])
    stop()
  })
})

describe('path', () => {
  test('tells the path that new calls take, and that there is none', async () => {
    const circuit = bareLink({ peerId: 'ada' }, relayed)
    const direct = bareLink({ peerId: 'ada' })
    links.add(circuit)
    const stop = pathChanges(links, emit)
    links.add(direct)
    links.add(bareLink({ peerId: 'ben' }))
    await settled()
    expect(seen.splice(0)).toEqual([
      { peerId: 'ada', path: 'direct' },
      { peerId: 'ben', path: 'direct' },
    ])
    const lost = new MeshError('path_lost', 'Cannot keep the link')
    direct.abort(lost)
    circuit.abort(lost)
    await vi.waitUntil(() => seen.length > 0, { timeout: 30_000 })
    await vi.waitUntil(() => links.size === 1, { timeout: 30_000 })
    await settled()
    expect(seen.at(-1)).toEqual({ peerId: 'ada', path: undefined })
    stop()
    links.add(bareLink({ peerId: 'cleo' }))
    await settled()
    expect(seen.at(-1)).toEqual({ peerId: 'ada', path: undefined })
  })
})

describe('ready', () => {
  test('tells the relays it has at once, and each change', async () => {
    const changed = new Listeners<string[]>(onError)
    let home = ['r1']
    const linkedRelays = () => home.filter(peerId => links.best(peerId) !== undefined)
    const reachable = { linkedRelays, relays: { onChange: changed.add.bind(changed) } }
    const first = bareLink({ peerId: 'r1' })
    links.add(first)
    const stop = relayChanges({ links, reachable }, emit)
    await settled()
    expect(seen.splice(0)).toEqual([{ relays: ['r1'] }])
    links.add(bareLink({ peerId: 'r2' }))
    home = ['r1', 'r2']
    changed.emit(home)
    await settled()
    expect(seen.splice(0)).toEqual([{ relays: ['r1', 'r2'] }])
    home = []
    changed.emit(home)
    await settled()
    expect(seen.splice(0)).toEqual([{ relays: [] }])
    stop()
    home = ['r2']
    changed.emit(home)
    await settled()
    expect(seen).toEqual([])
  })
})

/** The targets of an agent with real links over loopback; the map is the test's. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import {
  formatMapCursor,
  shardOf,
  type MapChange,
  type MemberRecord,
  type SignedHead,
} from '@agent-mesh/protocol'
import { Belief } from '../../membership/belief.ts'
import { headKeeper } from '../../membership/head-keeper.ts'
import { openMemberStore } from '../../membership/member-store.ts'
import { openMeshMap } from '../../membership/mesh-map.ts'
import { Presence } from '../../membership/presence.ts'
import { Verdicts } from '../../membership/verdicts.ts'
import type { Member } from '../../member/member.ts'
import { systemClock } from '../../observe/clock.ts'
import { createLogger } from '../../observe/logger.ts'
import { RpcSessions } from '../../paths/rpc-sessions.ts'
import { TimerWheel, TurnQueue } from '../../rpc/index.ts'
import { ServiceRegistry } from '../../services/index.ts'
import { TestTransports } from '../../transport/testing/test-transports.ts'
import { Targets } from '../targets.ts'

const log = createLogger('test', 'silent')

export type TestTargets = Awaited<ReturnType<typeof testTargets>>

/** The documents of a mesh. */
export interface Documents {
  meshId: string
  head(): Promise<SignedHead>
}

/** A member of it. */
export interface DocumentedMember {
  peerId: string
  record(changes: Partial<MemberRecord>): Promise<string>
  credential(): Promise<string>
}

/** `know` puts a member into the map, or its newer record. */
export async function testTargets(documents: Documents) {
  const network = await TestTransports.create()
  const store = openMemberStore(':memory:')
  const head = await headKeeper({ meshId: documents.meshId, store, log })
  await head.accept(await documents.head())
  const map = await openMeshMap({ store, head, log, clock: systemClock })
  const onError = (error: unknown) => {
    throw error
  }
  const presence = new Presence(onError)
  const registry = new ServiceRegistry()
  const wheel = new TimerWheel()
  const agent = await network.join('agent')
  const sessions = new RpcSessions({ wheel, turns: new TurnQueue(wheel), handlerFor: () => () => undefined })
  const belief = new Belief({
    self: agent.peerId,
    links: agent.links,
    presence,
    verdicts: new Verdicts(() => 0, onError),
    heardAt: () => 0,
    now: () => performance.now(),
    onError,
  })
  const member = {
    belief,
    clock: systemClock,
    presence,
    map,
    head,
    transport: agent,
    identity: { peerId: agent.peerId },
    credential: { claims: { name: 'self' } },
    serving: { registry, sessions },
  } as unknown as Member
  const self = { call: () => Promise.resolve('answered here') }
  const targets = new Targets({ member, paths: 'any', self: self as never, usesRelay: () => true })

  let known = 0
  const know = async (other: DocumentedMember, record: Partial<MemberRecord> = {}): Promise<void> => {
    const change: MapChange = {
      shard: await shardOf(other.peerId),
      v: ++known,
      peerId: other.peerId,
      record: await other.record(record),
      credential: await other.credential(),
    }
    const next = formatMapCursor({ epoch: other.peerId.slice(-8), v: new Array<number>(16).fill(known) })
    await map.apply({ changes: [change], next, more: false })
  }
  const stop = async (): Promise<void> => {
    await network.stop()
    wheel.stop()
    store.close()
  }
  return { network, head, map, presence, registry, agent, self, targets, know, stop }
}

/** Nothing listens there. */
export async function deadAddr(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `/ip4/127.0.0.1/tcp/${port}`
}

/**
 * A process of members for the bench of revocation: `members.ts PLAN`. It starts them, reports to its parent when they are
 * homed, makes calls and reports every link that a revocation ends. Clocks of one machine agree.
 */
import { createAgent, createLogger, type Agent, type CutOff } from '@agent-mesh/agent'
import { createRelay, type Relay } from '@agent-mesh/relay'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { topicOrders, type TopicOrder } from '../topics/topic-orders.ts'

/** What a process is asked to start. */
export interface Plan {
  folder: string
  token: string
  kind: 'agent' | 'relay'
  names: string[]
  /** `relay`: agents that only relays reach. @default any */
  paths?: 'relay'
}

export type Order =
  | TopicOrder
  | { order: 'call'; from: string[]; peer: string }
  | { order: 'homed'; relays: number }
  /** Until these have the list of this number; who is out hears of nothing any more. */
  | { order: 'knows'; number: number; names: string[] }
  /** Peer ids that a member has a link to. */
  | { order: 'linked'; name: string }
  /** Until every member sees so many members online, itself included. */
  | { order: 'online'; members: number }
  /** One call from each member to the one at the same place of `to`, all at once: why those failed that did. */
  | { order: 'calls'; from: string[]; to: string[] }
  /** Whether this member reaches any of the others. */
  | { order: 'reaches'; from: string; peers: string[] }

export type Report =
  | { report: 'ready'; members: { name: string; peerId: string }[] }
  | { report: 'done'; result?: unknown }
  | { report: 'failed'; reason: string }
  /** `at`: unix milliseconds with their fractions. */
  | { report: 'cut'; by: string; peerId: string; at: number }

type Member = Agent | Relay

const { folder, token, kind, names, paths } = JSON.parse(process.argv[2] ?? '{}') as Plan
const log = createLogger('bench', 'silent')
const members = new Map<string, Member>()
const tell = (report: Report): void => void process.send?.(report)
const now = (): number => performance.timeOrigin + performance.now()

async function start(name: string): Promise<void> {
  const options = { data: join(folder, name), join: token, name, listen: ['/ip4/127.0.0.1/tcp/0'], log }
  const member: Member =
    kind === 'relay' ? await createRelay(options) : await createAgent({ ...options, paths: paths ?? 'any' })
  member.onCutOff(({ peerId }: CutOff) => tell({ report: 'cut', by: name, peerId, at: now() }))
  members.set(name, member)
}

const agent = (name: string): Agent => members.get(name) as Agent

/** Looks until it is so; the parent bounds it. */
async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await wait(20)
}

const listNumber = async (member: Member): Promise<number> =>
  Number(/^agent_mesh_head_number\{part="revocations"\} (\d+)$/m.exec(await member.metrics())?.[1])

const orders: { [O in Order['order']]: (order: Extract<Order, { order: O }>) => Promise<unknown> } = {
  ...topicOrders(() => [...members.values()].filter(member => 'publish' in member)),
  call: async ({ from, peer }) => {
    await Promise.all(from.map(name => agent(name).ask('host.info', {}, { peer, timeout: 10_000 })))
  },
  homed: ({ relays }) =>
    until(() => [...members.values()].every(member => member.status().relays.length >= relays)),
  knows: async ({ number, names }) => {
    for (const name of names)
      await until(async () => (await listNumber(members.get(name) as Member)) >= number)
  },
  online: ({ members: count }) =>
    until(() => [...members.values()].every(member => member.status().members.online >= count)),
  calls: async ({ from, to }) => {
    const calls = from.map((name, i) =>
      agent(name).ask('host.info', {}, { peer: to[i] ?? '', timeout: 10_000, idempotent: true }),
    )
    const ends = await Promise.allSettled(calls)
    return ends.flatMap(end => (end.status === 'rejected' ? [String(end.reason)] : []))
  },
  linked: async ({ name }) =>
    agent(name)
      .peers()
      .filter(({ source }) => source === 'link')
      .map(({ peerId }) => peerId),
  reaches: async ({ from, peers }) => {
    const asked = peers.map(peer => agent(from).ping(peer, { timeout: 2_000 }))
    return (await Promise.allSettled(asked)).some(({ status }) => status === 'fulfilled')
  },
}

process.on('message', (order: Order) => {
  const follow = orders[order.order] as (order: Order) => Promise<unknown>
  follow(order).then(
    result => tell({ report: 'done', result }),
    (error: unknown) => tell({ report: 'failed', reason: String(error) }),
  )
})
// Members whose parent has exited stop.
process.on('disconnect', () => process.exit())

// Two at a time: the handshakes of more only wait for each other.
const waiting = [...names]
await Promise.all(
  [1, 2].map(async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await start(name)
  }),
)
tell({ report: 'ready', members: [...members].map(([name, { peerId }]) => ({ name, peerId })) })

/**
 * How fast a revoked member is disconnected: real members on real sockets in a few processes, two relays, a control plane of its
 * own. Each round one agent is revoked; every member with a link to it (its relays, watchers, callers) must cut it off.
 */
import { controlPlaneClient, loadIdentity, type ControlPlaneClient } from '@agent-mesh/agent'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Bench, BenchOptions, BenchResult } from '../bench.ts'
import { percentile } from '../control-plane/report-load.ts'
import { startServer, type ServerProcess } from '../control-plane/server-process.ts'
import { MemberProcess, type Cut } from './member-process.ts'

const relays = 2
const agentProcesses = 3
/** Agents that call the member of a round, so that it has links beside those of relays and watchers. */
const callers = 8
/** A holder that has not cut by then fails the bench, ms. */
const mostMs = 30_000
/** Members that the revoked one tries to reach afterwards. */
const tried = 10

interface Fleet {
  server: ServerProcess
  admin: ControlPlaneClient
  relayProcess: MemberProcess
  agents: MemberProcess[]
  cuts: Cut[]
}

interface Round {
  /** From the start of the request to the cut-off at each holder, ms. */
  cutMs: number[]
  /** The same until the last member has the new list. */
  knownMs: number
}

const now = (): number => performance.timeOrigin + performance.now()

export const revoke: Bench = {
  about: 'a member is revoked: until everybody with a link to it has cut it off (--members N)',
  async run(options) {
    const folder = await mkdtemp(join(tmpdir(), 'revoke-'))
    const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
    try {
      const fleet = await startFleet(folder, options, stops)
      const rounds: Round[] = []
      for (let i = 0; i < options.rounds; i++) {
        const round = await revokeOne(fleet, i)
        options.progress(
          `round ${i + 1}: ${round.cutMs.length} holders, last ${Math.max(...round.cutMs).toFixed(0)} ms`,
        )
        rounds.push(round)
      }
      return resultOf(rounds, options.members)
    } finally {
      for (const stop of stops.reverse()) await stop()
    }
  },
}

async function startFleet(
  folder: string,
  { members, rounds, progress }: BenchOptions,
  stops: (() => Promise<void>)[],
): Promise<Fleet> {
  if (members < relays + callers + rounds + 1)
    throw new Error(`Cannot revoke ${rounds} of ${members} members: pass more --members or fewer --rounds`)
  const startedAt = performance.now()
  const data = join(folder, 'control-plane')
  const server = await startServer({ data, maxMembers: members + 1 })
  stops.push(() => server.stop())
  const { signer } = await loadIdentity(data, 'admin-identity.json')
  const admin = controlPlaneClient({ url: server.url, meshId: server.meshId, signer })
  const cuts: Cut[] = []
  const start = async (kind: 'agent' | 'relay', names: string[]): Promise<MemberProcess> => {
    const { token } = await admin.createToken({ uses: names.length, roles: [kind] })
    const process = await MemberProcess.start({ folder, token, kind, names }, cut => cuts.push(cut))
    stops.push(() => process.stop())
    return process
  }
  const relayProcess = await start('relay', named('relay', relays))
  const share = (i: number) => Math.floor((members - relays + i) / agentProcesses)
  const agents = await Promise.all(
    Array.from({ length: agentProcesses }, (_, i) => start('agent', named(`agent-${i}`, share(i)))),
  )
  await Promise.all(agents.map(process => process.ask({ order: 'homed', relays }, 300_000)))
  progress(`${members} members up in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
  return { server, admin, relayProcess, agents, cuts }
}

const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

async function revokeOne({ admin, relayProcess, agents, cuts }: Fleet, i: number): Promise<Round> {
  const [home, other] = [agents[i % agentProcesses], agents[(i + 1) % agentProcesses]]
  const out = home?.members.shift()
  if (home === undefined || other === undefined || out === undefined) throw new Error('nobody is left')
  const from = other.members.slice(0, callers).map(({ name }) => name)
  await other.ask({ order: 'call', from, peer: out.name })
  const holders = (await home.ask({ order: 'linked', name: out.name })) as string[]
  cuts.length = 0
  const startedAt = now()
  const { number } = await admin.revoke({ peerId: out.peerId })
  const everybody = [relayProcess, ...agents]
  const knows = (process: MemberProcess) => {
    const names = process.members.map(({ name }) => name)
    return process.ask({ order: 'knows', number, names }, mostMs)
  }
  await Promise.all(everybody.map(knows))
  const knownMs = now() - startedAt
  const of = cutsOf(everybody, holders)
  const waitUntil = startedAt + mostMs
  while (of(cuts, out.peerId).length < holders.length && now() < waitUntil) await wait(20)
  const cutMs = of(cuts, out.peerId).map(at => at - startedAt)
  if (cutMs.length < holders.length)
    throw new Error(
      `${holders.length - cutMs.length} of ${holders.length} holders did not cut ${out.name} off`,
    )
  const peers = other.members.slice(0, tried).map(({ name }) => name)
  if (await home.ask({ order: 'reaches', from: out.name, peers }))
    throw new Error(`${out.name} still reaches members`)
  return { cutMs, knownMs }
}

/** When each holder cut, for the first time. */
const cutsOf = (processes: readonly MemberProcess[], holders: readonly string[]) => {
  const peerIdOf = new Map(
    processes.flatMap(({ members }) => members.map(({ name, peerId }) => [name, peerId])),
  )
  return (cuts: readonly Cut[], out: string): number[] =>
    holders.flatMap(holder => {
      const cut = cuts.find(({ by, peerId }) => peerId === out && peerIdOf.get(by) === holder)
      return cut === undefined ? [] : [cut.at]
    })
}

function resultOf(rounds: readonly Round[], members: number): BenchResult {
  const sorted = (numbers: number[]): number[] => numbers.sort((a, b) => a - b)
  const each = sorted(rounds.flatMap(({ cutMs }) => cutMs))
  const last = sorted(rounds.map(({ cutMs }) => Math.max(...cutMs)))
  const known = sorted(rounds.map(({ knownMs }) => knownMs))
  const ms = (value: number): number => Math.round(value * 10) / 10
  return {
    bench: 'revoke',
    members,
    p50_ms: ms(percentile(each, 0.5)),
    p99_ms: ms(percentile(each, 0.99)),
    last_holder_p50_ms: ms(percentile(last, 0.5)),
    all_know_p50_ms: ms(percentile(known, 0.5)),
    all_know_max_ms: ms(known.at(-1) ?? 0),
    rounds: rounds.length,
    holders: each.length,
  }
}

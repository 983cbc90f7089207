import { createLogger } from '@agent-mesh/agent'
import { MeshError, signHomeClaim, type RelayReport, type ReportedLoad } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { testKey, type TestKey } from '../../../test/support/mesh-fixture.ts'
import { HomedAgents } from './homed-agents.ts'
import { PresenceReporter, type PresenceReporterInit } from './presence-reporter.ts'

/** Short enough to wait for; idle reports are longer than any test unless it asks for them. */
const pauses = { reportMinMs: 20, reportIdleMs: 60_000, reportRetryMs: 20, reportLoadMs: 10 }
const numbers = { keys: 1, relays: 1, policy: 1, revocations: 1 }

let relay: TestKey
let agent: TestKey
let homed: HomedAgents
let reporter: PresenceReporter
let reports: RelayReport[]
/** Numbers of the list of revocations in the replies. */
let heard: number[]
/** What agents report. */
let agents: { services: ReportedLoad[]; moved: boolean }
/** Whether the control plane accepts that. */
let agentsHealth: boolean | undefined
/** How the control plane answers. */
let answer: () => Promise<void>

beforeEach(async () => {
  relay = await testKey()
  agent = await testKey()
  homed = new HomedAgents({ self: relay.kid, places: { claimHome: () => {}, releaseHome: () => {} } })
  reports = []
  heard = []
  answer = () => Promise.resolve()
  agents = { services: [], moved: false }
  agentsHealth = undefined
})
afterEach(() => reporter.stop())

function start(changes: Partial<PresenceReporterInit> = {}): void {
  reporter = new PresenceReporter({
    client: {
      report: async report => {
        reports.push(report)
        await answer()
        return { seq: report.seq, expires: Date.now() + 150_000, numbers, agentsHealth }
      },
    },
    homed,
    load: () => ({ agents: homed.size, reservations: 0, visitors: 0 }),
    health: () => ({ ready: true, version: '0' }),
    agents: {
      report: () => ({ services: agents.services, checks: [] }),
      get moved() {
        return agents.moved
      },
    },
    onNumbers: told => heard.push(told.revocations),
    isRevoked: () => false,
    log: createLogger('test', 'silent'),
    pauses,
    ...changes,
  })
  reporter.start()
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 5 })
const stream = {}
const home = async () => {
  const claim = await signHomeClaim(agent.signer, { relay: relay.kid, homeSeq: 1 })
  await homed.add(claim, agent.kid, stream)
  return claim
}

describe('PresenceReporter', () => {
  test('reports at its start, though nobody is there: the lease begins', async () => {
    start()
    await until(() => expect(reports).toMatchObject([{ seq: 1, up: [], down: [], load: { agents: 0 } }]))
    await until(() => expect(heard).toEqual([1]))
  })

  test('tells who came and who went, each once', async () => {
    start()
    await until(() => expect(reports).toHaveLength(1))
    const claim = await home()
    await until(() => expect(reports.at(-1)).toMatchObject({ seq: 2, up: [claim], down: [] }))
    homed.remove(agent.kid, stream)
    await until(() => expect(reports.at(-1)).toMatchObject({ seq: 3, up: [], down: [agent.kid] }))
  })

  test('tells what changed while a report was on its way', async () => {
    const { promise: arrived, resolve } = Promise.withResolvers<void>()
    answer = () => arrived
    start()
    await until(() => expect(reports).toHaveLength(1))
    const claim = await home()
    resolve()
    await until(() => expect(reports.at(-1)).toMatchObject({ seq: 2, up: [claim] }))
  })

  test('repeats a report whose fate is unknown as it was', async () => {
    answer = () => Promise.reject(new MeshError('unavailable', 'away'))
    await home()
    start()
    await until(() => expect(reports.length).toBeGreaterThan(2))
    const [first, ...again] = reports
    for (const report of again) expect(report).toEqual(first)
  })

  test('tells everything in a new epoch when the control plane knows another', async () => {
    const claim = await home()
    start()
    await until(() => expect(reports).toHaveLength(1))
    answer = () =>
      reports.length === 2 ? Promise.reject(new MeshError('conflict', 'another epoch')) : Promise.resolve()
    const other = await signHomeClaim(agent.signer, { relay: relay.kid, homeSeq: 2 })
    await homed.add(other, agent.kid, stream)
    await until(() => expect(reports.at(-1)).toMatchObject({ seq: 1, up: [other] }))
    expect(reports.at(-1)?.epoch).not.toBe(reports[0]?.epoch)
    expect(reports[0]?.up).toEqual([claim])
  })

  test('renews the lease when nothing changes', async () => {
    start({ pauses: { ...pauses, reportIdleMs: 20 } })
    await until(() => expect(reports.length).toBeGreaterThan(2))
    expect(reports.slice(0, 3).map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  test('tries again soon when only the answer says that this relay was revoked', async () => {
    answer = () => Promise.reject(new MeshError('revoked', 'revoked'))
    start()
    await until(() => expect(reports.length).toBeGreaterThan(2))
  })

  test('does not try again soon when this relay was revoked', async () => {
    answer = () => Promise.reject(new MeshError('revoked', 'revoked'))
    start({
      pauses: { reportMinMs: 20, reportIdleMs: 200, reportRetryMs: 1, reportLoadMs: 1_000 },
      isRevoked: () => true,
    })
    const startedAt = performance.now()
    await until(() => expect(reports).toHaveLength(2))
    expect(performance.now() - startedAt).toBeGreaterThan(150)
  })

  test('reports the health of its agents to a control plane that accepts it, soon after that has moved', async () => {
    agentsHealth = true
    agents = { services: [['math@1', 1, 1, 1, 20, 0, 0]], moved: true }
    start()
    await until(() => expect(reports).toHaveLength(2))
    expect(reports[0]?.health.services).toBeUndefined()
    expect(reports[1]?.health.services).toEqual([['math@1', 1, 1, 1, 20, 0, 0]])
    agents.moved = false
    const before = reports.length
    agents = { services: [['math@1', 1, 1, 1, 90, 0, 0]], moved: true }
    await until(() => expect(reports.length).toBeGreaterThan(before))
    expect(reports.at(-1)?.health.services).toEqual([['math@1', 1, 1, 1, 90, 0, 0]])
  })

  test('reports nothing of its agents to a control plane of an earlier version, which would refuse it', async () => {
    agents = { services: [['math@1', 1, 1, 1, 20, 0, 0]], moved: true }
    start({ pauses: { ...pauses, reportIdleMs: 20 } })
    await until(() => expect(reports.length).toBeGreaterThan(2))
    agentsHealth = true
    await until(() => expect(reports.at(-1)?.health.services).toHaveLength(1))
    agentsHealth = undefined
    answer = () =>
      reports.at(-1)?.health.services === undefined
        ? Promise.resolve()
        : Promise.reject(new MeshError('invalid_argument', 'unknown field'))
    await until(() => expect(reports.at(-1)?.health.services).toBeUndefined())
    const { seq } = reports.at(-1)!
    await until(() => expect(reports.at(-1)!.seq).toBeGreaterThan(seq))
  })

  test('sends nothing once it has stopped', async () => {
    start()
    await until(() => expect(reports).toHaveLength(1))
    await reporter.stop()
    const before = reports.length
    await home()
    reporter.start()
    await reporter.stop()
    expect(reports).toHaveLength(before)
  })
})

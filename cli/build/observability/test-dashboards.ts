/**
 * `npm run test:dashboards`: runs the cases of the alerts with promtool, then a real Prometheus over a real mesh. At rest no alert but the
 * watchdog is pending or fires; each expression of the dashboards has data; each metric that an alert reads is there. Some 30 s.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../../test/support/free-port.ts'
import { alerts, watchdog } from './alerts.ts'
import { dashboards } from './dashboards.ts'
import { ObservedMesh } from './observed-mesh.ts'
import { noPrometheus, Prometheus } from './prometheus.ts'
import { metricsOf } from './promql.ts'

const rules = join(import.meta.dirname, '..', '..', '..', 'deploy', 'prometheus')
/** Metrics by label that a mesh without trouble has not counted yet. */
const uncounted = new Set(['agent_mesh_calls_not_started_total'])

const say = (line: string): void => void process.stderr.write(`${line}\n`)

function promtool(...args: string[]): boolean {
  const { status, error } = spawnSync('promtool', args, { cwd: rules, stdio: ['ignore', 2, 2] })
  return error === undefined && status === 0
}

/** Calls `work` each 200 ms until it says that it is done, or the time is over. @returns whether it was done */
async function until(ms: number, work: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await delay(200))
    if (await work().catch(() => false)) return true
  return false
}

/** @returns what is wrong */
async function faultsOf(mesh: ObservedMesh, prometheus: Prometheus): Promise<string[]> {
  const faults: string[] = []
  if (!(await until(60_000, () => mesh.settled()))) faults.push('no agent has two relays')
  let calm = 0
  const isCalm = async () => {
    await mesh.call()
    const pending = await prometheus.alerts()
    calm = pending.join() === watchdog ? calm + 1 : 0
    return calm >= 50
  }
  if (!(await until(60_000, isCalm))) faults.push(`alerts at rest: ${(await prometheus.alerts()).join(', ')}`)
  const empty = async () => {
    const missing: string[] = []
    for (const { uid, panels } of dashboards)
      for (const { title, queries } of panels)
        for (const { expr, mayBeEmpty = false } of queries)
          if ((await prometheus.query(asked(expr))) === 0 && !mayBeEmpty)
            missing.push(`${uid}, "${title}" has no data: ${expr}`)
    for (const { name, expr } of alerts) {
      await prometheus.query(expr)
      for (const { name: metric } of metricsOf(expr))
        if (!uncounted.has(metric) && (await prometheus.query(metric)) === 0)
          missing.push(`${name} reads ${metric}, which has no data`)
    }
    return missing
  }
  let missing: string[] = []
  await until(60_000, async () => {
    await Promise.all([mesh.call(), mesh.fail()])
    missing = await empty()
    return missing.length === 0
  })
  return [...faults, ...missing]
}

/** What Grafana puts in. */
const asked = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '30s').replaceAll('$instance', '.*')

/** @returns the exit code */
async function main(): Promise<number> {
  if (noPrometheus !== undefined) {
    say(noPrometheus)
    return 1
  }
  if (!promtool('check', 'rules', 'alerts.yml') || !promtool('test', 'rules', 'alerts.test.yml')) return 1
  const folder = await mkdtemp(join(tmpdir(), 'dashboards-'))
  const mesh = await ObservedMesh.start()
  const init = { folder, rules: join(rules, 'alerts.yml'), targets: mesh.targets, port: await freePort() }
  const prometheus = await Prometheus.start(init)
  try {
    const faults = await faultsOf(mesh, prometheus)
    for (const fault of faults) say(fault)
    const queries = dashboards.flatMap(({ panels }) => panels.flatMap(panel => panel.queries))
    say(`${alerts.length} alerts, ${queries.length} expressions of dashboards: ${faults.length} faults`)
    return faults.length === 0 ? 0 : 1
  } finally {
    await prometheus.stop()
    await mesh.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

process.exit(await main())

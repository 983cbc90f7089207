import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'

import { registeredMetrics } from '../metrics-page.ts'
import { alerts, watchdog } from './alerts.ts'
import { dashboards } from './dashboards.ts'
import { metricsOf, type UsedMetric } from './promql.ts'

const checkout = join(import.meta.dirname, '..', '..', '..')
const known = registeredMetrics()
/** Labels that Prometheus adds, and that of the buckets of histograms. */
const added = ['job', 'instance', 'le']

/** What an expression asks for that no process has. */
function unknownIn(used: readonly UsedMetric[]): string[] {
  return used.flatMap(({ name, labels }) => {
    if (name === 'up') return []
    const has = known.get(name) ?? known.get(name.replace(/_(bucket|sum|count)$/, ''))
    if (has === undefined) return [name]
    return labels.filter(label => !has.has(label) && !added.includes(label)).map(label => `${name}{${label}}`)
  })
}

describe('PromQL', () => {
  it('is read with the metrics and labels that it uses', () => {
    const expr =
      'sum by (le, method) (rate(a_bucket{side="x",code!~"y|z"}[5m])) / count(b > 0.5) and max(c offset 1h) == 1'
    expect(metricsOf(expr)).toEqual([
      { name: 'a_bucket', labels: ['le', 'method', 'side', 'code'] },
      { name: 'b', labels: [] },
      { name: 'c', labels: [] },
    ])
  })

  it.each([
    'sum(a',
    'rate(a[5])',
    'a{b=c}',
    'a{b="c"',
    'a b',
    'unheard_of(a)',
    'a >',
    '',
    'a{"b"="c"}',
    'a # b',
  ])('that is none is refused: %s', expr => expect(() => metricsOf(expr)).toThrow(/^Cannot read/))

  it('that names a metric or label which no process has is found', () => {
    const expr = 'agent_mesh_no_such + agent_mesh_links{colour="red"} + agent_mesh_call_seconds_count + up'
    expect(unknownIn(metricsOf(expr))).toEqual(['agent_mesh_no_such', 'agent_mesh_links{colour}'])
  })
})

describe('alerts', () => {
  test.each(alerts.map(({ name, expr }) => [name, expr]))('%s reads metrics that exist', (_, expr) => {
    expect(unknownIn(metricsOf(expr))).toEqual([])
  })

  it('are 20 at most, with names of their own', () => {
    expect(alerts.length).toBeLessThanOrEqual(20)
    expect(new Set(alerts.map(({ name }) => name.toLowerCase())).size).toBe(alerts.length)
    expect(alerts.find(({ name }) => name === watchdog)?.severity).toBe('none')
  })

  it('have a runbook at the place that they name, which says all that it must', () => {
    const page = readFileSync(join(checkout, 'docs/alerts.md'), 'utf8')
    for (const { name } of alerts) {
      const section = page.split(`\n## ${name}\n`)[1]?.split('\n## ', 1)[0] ?? ''
      for (const row of ['means', 'notices it', 'check', 'do'])
        expect(section, name).toMatch(new RegExp(`^\\| ${row} \\| .{5,} \\|$`, 'm'))
    }
  })
})

describe('dashboards', () => {
  const panels = dashboards.flatMap(({ uid, panels }) => panels.map(panel => ({ uid, ...panel })))
  const queries = panels.flatMap(({ uid, title, queries }) =>
    queries.map(query => ({ uid, title, ...query })),
  )

  test.each(queries.map(({ uid, title, expr }) => [uid, title, expr]))(
    '%s, "%s" reads metrics that exist',
    (_uid, _title, expr) => expect(unknownIn(metricsOf(expr))).toEqual([]),
  )

  it('have ids and titles of their own, and panels that say what they show', () => {
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length)
    for (const { panels, uid } of dashboards)
      expect(new Set(panels.map(({ title }) => title)).size, uid).toBe(panels.length)
    for (const { about, title } of panels) expect(about.length, title).toBeGreaterThan(10)
  })

  it('choose their data source and instances by variables, and name none', () => {
    for (const { uid } of dashboards) {
      const text = readFileSync(join(checkout, `deploy/grafana/${uid}.json`), 'utf8')
      const { panels: made } = JSON.parse(text) as { panels: { datasource: { uid: string } }[] }
      expect(new Set(made.map(({ datasource }) => datasource.uid))).toEqual(new Set(['${datasource}']))
      expect(text).not.toMatch(/instance=\\"/)
    }
  })

  it('ask for a rate of the metrics that only rise', () => {
    for (const { expr, title } of queries)
      if (/_total|_bucket/.test(expr)) expect(expr, title).toMatch(/rate\(|increase\(/)
  })
})

/** What Prometheus reads: the rules, and the cases that `promtool test rules` runs. */
import { stringify } from 'yaml'
import type { Alert, AlertCase } from './alert.ts'
import { watchdog } from './alerts.ts'

/** Where runbooks are: a path below the documentation, which the operator puts before it. */
export const runbookOf = ({ name }: Pick<Alert, 'name'>): string => `docs/alerts.md#${name.toLowerCase()}`

const annotationsOf = (alert: Alert) => ({ summary: alert.summary, runbook_url: runbookOf(alert) })

const yaml = (file: object): string =>
  `# Made by "npm run generate" from cli/build/observability; "npm run check" compares.\n${stringify(file, { lineWidth: 0 })}`

export const rulesFile = (alerts: readonly Alert[]): string =>
  yaml({
    groups: [
      {
        name: 'agent-mesh',
        rules: alerts.map(alert => ({
          alert: alert.name,
          expr: alert.expr,
          ...(alert.for === '0m' ? {} : { for: alert.for }),
          labels: { severity: alert.severity },
          annotations: annotationsOf(alert),
        })),
      },
    ],
  })

/** @param rules path of the rules, from the tests */
export const rulesTests = (alerts: readonly Alert[], rules: string): string =>
  yaml({
    rule_files: [rules],
    evaluation_interval: '1m',
    tests: alerts.flatMap(alert => [
      testOf(alert, alert.fires, true),
      ...(alert.name === watchdog ? [] : [testOf(alert, alert.silent, false)]),
    ]),
  })

function testOf(alert: Alert, { series, atMinutes }: AlertCase, fires: boolean): object {
  const expected = {
    exp_labels: { severity: alert.severity, ...alert.labels },
    exp_annotations: annotationsOf(alert),
  }
  return {
    name: `${alert.name} ${fires ? 'fires' : 'does not fire'}`,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [
      { eval_time: `${atMinutes}m`, alertname: alert.name, exp_alerts: fires ? [expected] : [] },
    ],
  }
}

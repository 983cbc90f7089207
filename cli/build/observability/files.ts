/** The files of alerts and dashboards, by their path in the checkout. */
import { alerts } from './alerts.ts'
import { alertsPage } from './alerts-page.ts'
import { dashboardJson } from './dashboard.ts'
import { dashboards } from './dashboards.ts'
import { rulesFile, rulesTests } from './rules-file.ts'

export const observabilityFiles = (): Record<string, string> => ({
  'docs/alerts.md': alertsPage(alerts),
  'deploy/prometheus/alerts.yml': rulesFile(alerts),
  'deploy/prometheus/alerts.test.yml': rulesTests(alerts, 'alerts.yml'),
  ...Object.fromEntries(dashboards.map(each => [`deploy/grafana/${each.uid}.json`, dashboardJson(each)])),
})

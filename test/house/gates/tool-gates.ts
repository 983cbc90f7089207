/** Gates of tools that a machine may lack. */
import { join } from 'node:path'

import { checkout, faultless, program, withoutTool, type Gate } from './gate.ts'

const rules = join(checkout, 'deploy', 'prometheus')

/** Rules, their cases, the example of a configuration, and that of deploy/compose. */
export const promtool: Gate = {
  name: 'promtool',
  fast: true,
  run: async () => {
    const runs = [
      ['promtool', 'check', 'rules', 'alerts.yml'],
      ['promtool', 'test', 'rules', 'alerts.test.yml'],
      ['promtool', 'check', 'config', 'prometheus.yml'],
      // Its rules are beside it only in the container.
      ['promtool', 'check', 'config', '--syntax-only', join('..', 'compose', 'prometheus.yml')],
    ]
    const ended = await Promise.all(runs.map(command => program(command, { cwd: rules })))
    if (ended.some(({ missing }) => missing))
      return withoutTool('promtool is not installed: apt-get install prometheus')
    return faultless(
      ended.filter(({ code }) => code !== 0).map(({ said }) => said),
      `${runs.length} runs`,
    )
  },
}

/** Known weaknesses of what is installed in production. */
export const advisories: Gate = {
  name: 'advisories',
  fast: false,
  run: async () => {
    const { stdout } = await program(['npm', 'audit', '--omit=dev', '--audit-level=high', '--json'])
    const report = parsed(stdout)
    const counts = report?.metadata?.vulnerabilities
    if (counts === undefined)
      return {
        result: 'skipped',
        said: `the registry has no list of advisories: ${report?.message ?? 'no answer'}`,
      }
    const { high = 0, critical = 0 } = counts
    return faultless(
      high + critical === 0 ? [] : [`${high} high, ${critical} critical: see npm audit`],
      '0 high',
    )
  },
}

interface AuditReport {
  message?: string
  metadata?: { vulnerabilities?: Record<string, number> }
}

function parsed(text: string): AuditReport | undefined {
  try {
    return JSON.parse(text) as AuditReport
  } catch {
    return undefined
  }
}

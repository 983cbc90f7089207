import type { TuningReport } from '@agent-mesh/protocol/tuning-report'
import type { Output } from '../show/output.ts'
import { onCall, type Register } from './define.ts'

export const registerTuning: Register = (program, finish) => {
  const command = program
    .command('tuning')
    .description('show the settings that the agent tunes by itself, and what it changed')
    .addHelpText(
      'after',
      `
STATE: off (up --no-tuning), pinned by the program, idle (nothing asks for it yet), shadow (what another value would do
is watched), trial (a change is judged), resting (after a change that was rolled back).

Examples:
  $ agent-mesh tuning
  $ agent-mesh tuning --json | jq '.changes[] | {setting, before, after, outcome}'`,
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const report = await localClient(settings.data, signal).tuning()
    output.result(report, () => [
      output.table(
        ['SETTING', 'VALUE', 'STATE'],
        report.settings.map(({ setting, value, state }) => [setting, value, state]),
      ),
      ...changeLines(report, output),
    ])
  })
}

const millis = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`

function changeLines({ changes }: TuningReport, output: Output) {
  if (changes.length === 0) return []
  const rows = changes.map(change => [
    new Date(change.at).toISOString().slice(0, 19) + 'Z',
    `${change.setting}: ${change.before} to ${change.after}`,
    change.outcome,
    `${millis(change.p99BeforeMs)} to ${change.p99AfterMs === undefined ? '-' : millis(change.p99AfterMs)}`,
    change.reason,
  ])
  return ['', output.table(['WHEN', 'CHANGE', 'OUTCOME', 'P99', 'REASON'], rows)]
}

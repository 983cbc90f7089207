import type { PathReport } from '@agent-mesh/protocol/path-report'

import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { duration, shortPeerId } from '../show/units.ts'
import { onCall, type Register } from './define.ts'
import { timeoutOption } from './timeout.ts'

interface Options {
  timeout: number
}

export const registerPath: Register = (program, finish) => {
  const command = program
    .command('path')
    .description('show how one member reaches another, and why')
    .argument('<a>', 'the member to reach; with <b>, the member that reaches')
    .argument('[b]', 'the member to reach')
    .addOption(timeoutOption('how long to wait for the answer of another member'))
    .addHelpText(
      'after',
      `
Shows every link between the two, the addresses that the last dial tried and why each failed, and what the search for
a better path says. Nothing is dialled: "agent-mesh ping" opens a path where there is none.

Examples:
  $ agent-mesh path web-1
  $ agent-mesh path web-1 db-1
  $ agent-mesh path web-1 --json | jq -r .path`,
    )
  onCall<Options, [string, string?]>(command, finish, async ({ settings, options, output, signal }, a, b) => {
    const { localClient } = await import('../local/local-client.ts')
    const client = localClient(settings.data, signal)
    const asked = b === undefined ? { peer: a } : { peer: b, from: a }
    const report = await withProgress(settings, `Asking ${asked.from ?? 'the agent'}`, () =>
      client.path({ ...asked, timeoutMs: options.timeout }),
    )
    output.result(report, () => pathText(report, output))
  })
}

function pathText(report: PathReport, output: Output): Text {
  const to = report.toName ?? report.to
  const head =
    report.path === undefined
      ? `No path to ${to} is open; "agent-mesh ping ${to}" opens one.`
      : `Calls to ${to} go over ${output.style('green', report.path)}.`
  const links = output.table(
    ['PATH', 'STATE', 'AGE', 'ROUND TRIP', 'DIALLED BY', 'ADDRESS'],
    report.links.map(link => [
      link.path,
      link.state,
      duration(link.ageMs),
      link.rttMs === undefined ? '-' : duration(link.rttMs),
      link.dialledBy,
      link.relay === undefined ? link.remoteAddr : `relay ${shortPeerId(link.relay)}`,
    ]),
  )
  return [head, ...(report.links.length > 0 ? [links] : []), ...triedText(report), ...upgradeText(report)]
}

const triedText = ({ tried }: PathReport): string[] =>
  tried.length === 0
    ? []
    : ['', 'The last dial tried:', ...tried.map(({ name, error }) => `  ${name}: ${error ?? 'worked'}`)]

const upgradeText = ({ upgrade }: PathReport): string[] =>
  upgrade === undefined
    ? []
    : [
        '',
        `Better paths were looked for ${upgrade.attempts} times${upgrade.result === undefined ? '' : `, last: ${upgrade.result}`}.`,
        ...(upgrade.reason === undefined ? [] : [`  ${upgrade.reason}`]),
      ]

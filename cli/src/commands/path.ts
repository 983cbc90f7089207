import type { PathReport } from '@agent-mesh/protocol/path-report'

import { parsePeer } from '../name-arguments.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { duration } from '../show/units.ts'
import { onCall, type Register } from './define.ts'
import { timeoutOption } from './timeout.ts'

interface Options {
  timeout: number
}

export const registerPath: Register = (program, finish) => {
  const command = program
    .command('path')
    .description('show how one member reaches another, and why')
    .argument('<a>', 'name or peer id: the member to reach; with <b>, the member that reaches it', parsePeer)
    .argument('[b]', 'name or peer id: the member to reach', parsePeer)
    .addOption(timeoutOption('timeout of the question to member <a>'))
    .addHelpText(
      'after',
      `
Shows every link between the two members, the addresses that the last dial tried with the reason why each failed, and the
result of the search for a better path. It dials nothing: "agent-mesh ping" opens a path where there is none.

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

const pathWords = { direct: 'a direct path', webrtc: 'a WebRTC path', relay: 'a relay' } as const

function pathText(report: PathReport, output: Output): Text {
  const to = report.toName ?? report.to
  const head =
    report.path === undefined
      ? `No path to ${to} is open; "agent-mesh ping ${to}" opens one.`
      : `Calls to ${to} use ${output.style('green', pathWords[report.path])}.`
  const links = output.table(
    ['PATH', 'STATE', 'AGE', 'ROUND TRIP', 'DIALLED BY', 'ADDRESS'],
    report.links.map(link => [
      link.path,
      link.state,
      duration(link.ageMs),
      link.rttMs === undefined ? '-' : duration(link.rttMs),
      link.dialledBy,
      link.relay === undefined ? link.remoteAddr : `relay ${link.relayName ?? link.relay}`,
    ]),
  )
  return [head, ...(report.links.length > 0 ? [links] : []), ...triedText(report), ...upgradeText(report)]
}

const wayOf = ({ name, relayName }: PathReport['tried'][number]): string =>
  relayName === undefined ? name : `relay ${relayName}`

const triedText = ({ tried }: PathReport): string[] =>
  tried.length === 0
    ? []
    : ['', 'The last dial tried:', ...tried.map(each => `  ${wayOf(each)}: ${each.error ?? 'worked'}`)]

const upgradeText = ({ upgrade }: PathReport): string[] =>
  upgrade === undefined
    ? []
    : [
        '',
        `Searches for a better path: ${upgrade.attempts}${upgrade.result === undefined ? '' : `, the last one: ${upgrade.result}`}.`,
        ...(upgrade.reason === undefined ? [] : [`  ${upgrade.reason}`]),
      ]

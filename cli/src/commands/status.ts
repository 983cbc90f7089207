import type { LocalStatus } from '@agent-mesh/protocol/local-api'

import { countUpTo, parseDuration } from '../arguments.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import { duration } from '../show/units.ts'
import { showOnceOrWatch, watchOption, type WatchOptions } from '../show/watch.ts'
import { onCall, type Register } from './define.ts'

interface StatusOptions extends WatchOptions {
  /** Milliseconds. */
  wait?: number
  pid?: number
}

export const registerStatus: Register = (program, finish) => {
  const command = program
    .command('status')
    .description('show the state of the process that runs in this context')
    .addOption(watchOption('2s').conflicts('wait'))
    .option(
      '--wait <time>',
      'wait at most so long until it is ready, also for a process that starts',
      parseDuration,
    )
    .option('--pid <pid>', 'with --wait: give up when this process has ended', countUpTo(2 ** 31 - 1))
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh status
  $ agent-mesh status --watch
  $ agent-mesh status --wait 30s
  $ agent-mesh status --json | jq .ready

Exit codes: 0 the process answers (the field "ready" tells whether it is ready), 3 no process runs in this context,
5 it was not ready within the time of --wait.`,
    )
  onCall<StatusOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const { wait } = options
    if (wait !== undefined) {
      const { untilReady } = await import('../local/until-ready.ts')
      const ready = await withProgress(settings, 'Waiting until it is ready', () =>
        untilReady(settings.data, { most: wait, pid: options.pid, signal }),
      )
      return output.result(ready, () => statusText(ready, output))
    }
    const client = localClient(settings.data, signal)
    await showOnceOrWatch({ settings, output, signal, every: options.watch }, async () => {
      const status = await client.status()
      return { value: status, text: () => statusText(status, output) }
    })
  })
}

/** The page for people. */
export function statusText(status: LocalStatus, output: Output): string {
  const state = stateText(status, output)
  const rows: [string, string][] = [
    [
      status.kind,
      `${state}, up ${duration(Date.now() - status.startedAt)}, pid ${status.pid}, version ${status.version}`,
    ],
    ['name', status.name ?? ''],
    ['peer id', status.peerId ?? ''],
    ['mesh', status.meshId],
    ['region', status.region ?? ''],
    ['control plane', controlPlaneText(status, output)],
    ...status.relays.map((relay, index): [string, string] => [
      index === 0 ? 'home relay' : 'standby relay',
      `${relay.name ?? relay.peerId}${relay.reserved ? '' : output.style('yellow', ' (no reservation)')}${relay.rttMs === undefined ? '' : `, ${duration(relay.rttMs)}`}`,
    ]),
    [status.kind === 'control-plane' ? 'listens on' : 'announces', status.addrs.join(', ')],
    ['serves', status.services.join(', ')],
    ['members', `${status.members.online} of ${status.members.known} online`],
    ['links', linksText(status)],
    ['credential', credentialText(status)],
    ...checksText(status, output),
    ...status.warnings.map((text): [string, string] => [output.style('yellow', 'warning'), text]),
  ]
  return output.table(
    ['', ''],
    rows.filter(([, value]) => value !== ''),
  )
}

/** A control plane calls no member. */
const linksText = ({ kind, links }: LocalStatus): string =>
  kind === 'control-plane' ? '' : `${links.direct} direct, ${links.webrtc} webrtc, ${links.relay} relayed`

function stateText({ ready, revoked, ended = 'revoked' }: LocalStatus, output: Output): string {
  if (revoked === true) return output.style('red', ended)
  return ready ? output.style('green', 'ready') : output.style('yellow', 'not ready')
}

function controlPlaneText({ controlPlane }: LocalStatus, output: Output): string {
  if (controlPlane === undefined) return ''
  const { url, reachable, refused, unreachableSince: since } = controlPlane
  if (refused !== undefined) return `${url}${output.style('yellow', ` (refuses: ${refused})`)}`
  if (reachable) return url
  const time = since === undefined ? '' : ` for ${duration(Math.max(0, Date.now() - since))}`
  return `${url}${output.style('yellow', ` (unreachable${time})`)}`
}

function credentialText({ credentialExpires }: LocalStatus): string {
  if (credentialExpires === undefined) return ''
  const left = credentialExpires - Date.now()
  return left < 0 ? `expired ${duration(-left)} ago` : `valid for ${duration(left)}`
}

/** Checks that do not pass, unless a warning has the same words. */
function checksText({ checks = [], warnings }: LocalStatus, output: Output): [string, string][] {
  return checks
    .filter(({ level, reason = '' }) => level !== 'passing' && !warnings.includes(reason))
    .map(({ name, level, reason = level, since, damped }) => [
      output.style(level === 'failing' ? 'red' : 'yellow', `check ${name}`),
      `${level} for ${duration(Math.max(0, Date.now() - since))}: ${reason}${damped === true ? ' (flapping)' : ''}`,
    ])
}

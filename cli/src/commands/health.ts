import type { HealthReply, HealthStep, RegionHealth } from '@agent-mesh/protocol'
import { InvalidArgumentError } from 'commander'

import { parseDuration } from '../arguments.ts'
import type { Settings } from '../settings.ts'
import type { Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { duration } from '../show/units.ts'
import { showOnceOrWatch, watchOption, type WatchOptions } from '../show/watch.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { onCall, type Register } from './define.ts'

const hour = 3_600_000

interface Options extends WatchOptions {
  /** Milliseconds. */
  history?: number
}

const parseHistory = (text: string): number => {
  const ms = parseDuration(text)
  if (ms <= 24 * hour) return ms
  throw new InvalidArgumentError('It is over 24h.')
}

export const registerHealth: Register = (program, finish) => {
  const command = program
    .command('health')
    .description('show the health of the mesh per region and service')
    .option('--history <time>', 'also show the history in steps of 5 minutes, up to 24h back', parseHistory)
    .addOption(watchOption('10s'))
    .addHelpText(
      'after',
      `
ONLINE: a relay reports the member online. STALE: last reported online, but its relay has stopped reporting. AGE: age of
the oldest report. The command asks the control plane with the admin key of the context.

Examples:
  $ agent-mesh health
  $ agent-mesh health --watch
  $ agent-mesh health --history 2h
  $ agent-mesh health --json | jq '.regions[] | {region, online}'`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    await showOnceOrWatch({ settings, output, signal, every: options.watch }, async () => {
      const health = await askHealth(settings, options.history, signal)
      return { value: health, text: () => healthText(health, output) }
    })
  })
}

/** @param span how far back, ms; undefined: no history */
async function askHealth(
  settings: Settings,
  span: number | undefined,
  signal: AbortSignal,
): Promise<HealthReply> {
  const hours = span === undefined ? undefined : Math.ceil(span / hour)
  const health = await askControlPlane(settings, client => client.health(signal, hours))
  const history = health.history?.filter(({ at }) => at >= health.asOf - (span ?? 0))
  return history === undefined ? health : { ...health, history }
}

function healthText({ regions, services, latency, checks = [], history }: HealthReply, output: Output): Text {
  if (regions.length === 0) return 'The map has no members yet.'
  const parts = [
    output.table(
      ['REGION', 'MEMBERS', 'ONLINE', 'STALE', 'RELAYS', 'AGENTS', 'RESERVATIONS', 'CONNECTED', 'AGE'],
      regions.map(region => regionRow(region, output)),
    ),
    output.table(
      ['SERVICE', 'REGION', 'ONLINE', 'STALE'],
      services.map(({ service, region, members, online, stale }) => [
        service,
        region,
        `${online}/${members}`,
        String(stale),
      ]),
    ),
  ]
  if (services.length === 0) parts.pop()
  if (checks.length > 0)
    parts.push(
      output.table(
        ['CHECK', 'REGION', 'LEVEL', 'MEMBERS', 'AMONG THEM'],
        checks.map(({ check, region, level, members, of }) => [
          check,
          region,
          output.style(level === 'failing' ? 'red' : 'yellow', level),
          String(members),
          of.join(' '),
        ]),
      ),
    )
  if (latency.length > 0)
    parts.push(
      output.table(
        ['FROM', 'TO', 'ROUND TRIP'],
        latency.map(({ from, to, ms }) => [from, to, `${ms} ms`]),
      ),
    )
  if (history !== undefined) parts.push(historyText(history, output))
  return parts.flatMap((part, index) => (index === 0 ? [part] : ['', part]))
}

function regionRow(health: RegionHealth, output: Output): string[] {
  const { region, members, online, stale, relays, relaysLeased, load, ageMs } = health
  return [
    region,
    String(members),
    String(online),
    stale > 0 ? output.style('yellow', String(stale)) : '0',
    relaysLeased < relays ? output.style('red', `${relaysLeased}/${relays}`) : `${relaysLeased}/${relays}`,
    String(load.agents),
    String(load.reservations),
    String(load.visitors),
    relaysLeased === 0 ? '-' : duration(ageMs),
  ]
}

function historyText(history: readonly HealthStep[], output: Output): string {
  if (history.length === 0) return 'There is no history of this time yet: a step is written every 5 minutes.'
  return output.table(
    ['TIME', 'REGION', 'ONLINE', 'STALE', 'RELAYS'],
    history.flatMap(({ at, regions }) =>
      regions.map(({ region, members, online, stale, relays, relaysLeased }) => [
        new Date(at).toISOString().slice(0, 16).replace('T', ' '),
        region,
        `${online}/${members}`,
        String(stale),
        `${relaysLeased}/${relays}`,
      ]),
    ),
  )
}

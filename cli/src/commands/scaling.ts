import { InvalidArgumentError, Option, type Command } from 'commander'

import { parseDuration } from '../arguments.ts'
import { parseLabel, parseService } from '../name-arguments.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { groupOf, onCall, type Finish } from './define.ts'

export const registerScaling = groupOf({
  name: 'scaling',
  description: 'show how many providers a service should have, and make tokens for autoscalers',
  commands: [registerShow, registerToken],
})

function registerShow(scaling: Command, finish: Finish): void {
  const command = scaling
    .command('show')
    .description('show how many providers a service should have')
    .argument('<service>', 'name of the service, or name@version', parseService)
    .option('--region <region>', 'count providers in this region only', parseLabel)
    .addHelpText(
      'after',
      '\nExamples:\n  $ agent-mesh scaling show png\n  $ agent-mesh scaling show png --json | jq .desired',
    )
  onCall<{ region?: string }, [string]>(
    command,
    finish,
    async ({ settings, options, output, signal }, service) => {
      const of = { service, region: options.region }
      const reply = await askControlPlane(settings, client => client.scaling(of, signal))
      const { current, ready, desired, saturation, queueMs, shedPerSecond, ageSeconds, stale, reason } = reply
      output.result(reply, () =>
        output.table(
          ['', ''],
          [
            ['providers', `${current}, ready: ${ready}`],
            ['desired', `${desired}${stale ? ' (held)' : ''}: ${reason}`],
            ['saturation', `${Math.round(saturation * 100)} %`],
            ['queue', `${queueMs} ms`],
            ['calls shed', `${shedPerSecond} a second`],
            ['age of the data', `${ageSeconds} s`],
          ],
        ),
      )
    },
  )
}

function registerToken(scaling: Command, finish: Finish): void {
  const command = scaling
    .command('token')
    .description('make a bearer token for an autoscaler (shown once)')
    .option('--service <name>', 'service that the token is for (default: all)', parseService)
    .addOption(
      new Option('--expires <time>', 'lifetime of the token: 24h, 30d; at most 365d')
        .argParser(parseLifetime)
        .default(90 * 24 * 3_600_000, '90d'),
    )
    .addHelpText(
      'after',
      `
The token is signed with the admin key of the context, and ends with the membership of that admin. It lets its bearer
read GET /v1/scaling, and nothing else.

Examples:
  $ agent-mesh scaling token --service png > token
  $ curl -H "Authorization: Bearer $(cat token)" 'https://mesh.example/v1/scaling?service=png'`,
    )
  onCall<{ service?: string; expires: number }, []>(
    command,
    finish,
    async ({ settings, options, output }) => {
      const { scalingToken } = await import('../data/scaling-token.ts')
      const { service, expires } = options
      const name = service?.split('@')[0]
      const token = await scalingToken(settings.data, { lifeMs: expires, service: name })
      const expiresAt = new Date(Date.now() + expires).toISOString()
      output.result({ token, expiresAt, ...(name !== undefined && { service: name }) }, () => token)
    },
  )
}

/** Milliseconds, from a minute to a year. */
function parseLifetime(text: string): number {
  const ms = parseDuration(text)
  if (ms >= 60_000 && ms <= 365 * 24 * 3_600_000) return ms
  throw new InvalidArgumentError('It is not between 1m and 365d.')
}

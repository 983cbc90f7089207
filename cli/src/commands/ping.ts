import { setTimeout as wait } from 'node:timers/promises'

import { parseCount } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'
import { parsePeer } from '../name-arguments.ts'
import { withProgress } from '../show/progress.ts'
import { duration } from '../show/units.ts'
import { onCall, type Register } from './define.ts'
import { timeoutOption } from './timeout.ts'

interface Options {
  count: number
  timeout: number
}

export const registerPing: Register = (program, finish) => {
  const command = program
    .command('ping')
    .description('measure the round trip to a member')
    .argument('<name|id>', 'name or peer id of the member', parsePeer)
    .option('--count <n>', 'number of round trips', parseCount, commandDefaults.pings)
    .addOption(timeoutOption('timeout of each round trip'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ agent-mesh ping web-1\n  $ agent-mesh ping web-1 --count 1 --json',
    )
  onCall<Options, [string]>(command, finish, async ({ settings, options, output, signal }, peer) => {
    const { localClient } = await import('../local/local-client.ts')
    const client = localClient(settings.data, signal)
    const replies = await withProgress(settings, `Pinging ${peer}`, async () => {
      const first = await client.ping({ peer, timeoutMs: options.timeout })
      const all = [first]
      while (all.length < options.count) {
        await wait(commandDefaults.pingGapMs, undefined, { signal })
        all.push(await client.ping({ peer, timeoutMs: options.timeout }))
      }
      return all
    })
    const { peerId, name, path } = replies.at(-1) ?? { peerId: peer, name: undefined, path: 'relay' }
    const rttMs = replies.map(reply => reply.rttMs)
    const summary = {
      min: Math.min(...rttMs),
      max: Math.max(...rttMs),
      mean: rttMs.reduce((a, b) => a + b, 0) / rttMs.length,
    }
    const links = replies.at(-1)?.links ?? []
    const others = links.slice(1)
    output.result({ peerId, name, path, rttMs, ...summary, links }, () => [
      `${name ?? peerId} over ${path}: ${rttMs.map(duration).join(', ')}`,
      ...others.map(
        link => `also over ${link.path}: ${link.rttMs === undefined ? 'no answer' : duration(link.rttMs)}`,
      ),
      `min ${duration(summary.min)}, mean ${duration(summary.mean)}, max ${duration(summary.max)}`,
    ])
  })
}

import { MeshError } from '@agent-mesh/protocol/errors'

import { countUpTo, parseFile, parseParams } from '../arguments.ts'
import { readMessage } from '../data/call-params.ts'
import { readBytes } from '../data/read-input.ts'
import { commandDefaults } from '../defaults.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseTopic } from '../name-arguments.ts'
import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'
import { timeoutOption } from './timeout.ts'

interface Options {
  bytes?: string
  retain?: true
  acks?: number
  timeout: number
}

export const registerPublish: Register = (program, finish) => {
  const command = program
    .command('publish')
    .description('publish a message to the members that subscribed to a topic')
    .argument('<topic>', 'alerts.disk', parseTopic)
    .argument('[json]', 'JSON, @FILE, or - for standard input', parseParams)
    .option('--bytes <file>', 'in place of JSON: raw bytes of a file, or - for standard input', parseFile)
    .option('--retain', 'keep it for members that subscribe later; null deletes what is kept')
    .option('--acks <count>', 'wait until so many subscriptions took it', countUpTo(100_000))
    .addOption(timeoutOption('time that --acks waits: 500ms, 5s, 1m'))
    .addHelpText(
      'after',
      `
A message has at most 64 KiB, and is delivered at most once: members that are offline do not get it.

Examples:
  $ agent-mesh publish alerts.disk '{"free":12}'
  $ agent-mesh publish config.level '"debug"' --retain
  $ agent-mesh publish alerts.disk @alert.json --acks 2 --timeout 2s
  $ agent-mesh publish camera.frame --bytes frame.png

Exit codes: 0 published, 4 the policy denies it, 5 fewer subscriptions than --acks took it in time.

With --json the result is {"acks"}: how many took it; 0 without --acks.`,
    )
  onCall<Options, [string, string | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, topic, source) => {
      const { localClient } = await import('../local/local-client.ts')
      const { retain, acks, timeout } = options
      const request = {
        ...{ topic, ...(await messageOf(source, options.bytes)), timeoutMs: timeout },
        ...(retain && { retain }),
        ...(acks !== undefined && { acks }),
      }
      const reply = await withProgress(settings, `Publishing to ${topic}`, () =>
        localClient(settings.data, signal).publish(request),
      )
      output.result(reply, () =>
        acks === undefined ? [`published to ${topic}`] : [`${reply.acks} of ${acks} subscriptions took it`],
      )
      return acks !== undefined && reply.acks < acks ? exitCodes.timeout : exitCodes.ok
    },
  )
}

/** @throws MeshError invalid_argument, not_found, too_large */
async function messageOf(source: string | undefined, file: string | undefined) {
  if (source !== undefined && file === undefined) return { value: await readMessage(source) }
  if (source !== undefined || file === undefined)
    throw new MeshError('invalid_argument', 'Cannot publish: give the message as JSON or with --bytes', {
      hint: 'A message is JSON, @FILE or -, or the bytes of a file.',
    })
  return { bytes: (await readBytes(file, commandDefaults.bodyBytes)).toString('base64') }
}

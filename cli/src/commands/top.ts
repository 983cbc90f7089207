import { Option } from 'commander'

import { parseInterval } from '../arguments.ts'
import { showOnceOrWatch } from '../show/watch.ts'
import type { TopFacts } from '../top/top-page.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  /** Milliseconds. */
  every: number
  once?: boolean
}

export const registerTop: Register = (program, finish) => {
  const command = program
    .command('top')
    .description('show members, paths, health and load, live')
    .addOption(
      new Option('--every <time>', 'time between two looks').argParser(parseInterval).default(2_000, '2s'),
    )
    .option('--once', 'look once')
    .addHelpText(
      'after',
      `
On a terminal it fills the screen until Ctrl-C, and leaves the terminal as it was. Otherwise one page follows the other;
with --json each is one line. Members that went offline last come first, then those with the longest round trip.

Examples:
  $ agent-mesh top
  $ agent-mesh top --once
  $ agent-mesh top --every 10s --json | jq -c '{ready: .status.ready, online: .status.members.online}'`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    const [{ localClient }, { topPage }] = await Promise.all([
      import('../local/local-client.ts'),
      import('../top/top-page.ts'),
    ])
    const client = localClient(settings.data, signal)
    const every = options.once === true ? undefined : options.every
    await showOnceOrWatch({ settings, output, signal, every, full: true }, async () => {
      const status = await client.status()
      const peers = status.kind === 'control-plane' ? [] : await client.peers()
      const facts: TopFacts = { status, peers }
      return { value: facts, text: () => topPage(facts, output) }
    })
  })
}

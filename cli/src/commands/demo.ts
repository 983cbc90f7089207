import { printable } from '@agent-mesh/protocol/printable'

import { exitCodes } from '../exit-codes.ts'
import type { DemoSummary } from '../demo/once.ts'
import type { Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { onCall, type Invocation, type Register } from './define.ts'

interface Options {
  once?: boolean
}

export const registerDemo: Register = (program, finish) => {
  const command = program
    .command('demo')
    .description('run a demo mesh on this machine, with relay failover')
    .option(
      '--once',
      'one round without the live table: call, kill a relay, call again (default without a terminal)',
    )
    .addHelpText(
      'after',
      `
Starts a control plane, two relays and five agents as processes, with their data in a temporary folder. One agent uses
relays only. Two agents do not listen: they connect through a relay and upgrade to a direct path. All processes and data
are removed when the command ends.

Examples:
  $ agent-mesh demo
  $ agent-mesh demo --once --json`,
    )
  onCall<Options, []>(command, finish, async invocation => {
    const { json, redraws } = invocation.settings
    const watched = invocation.options.once !== true && !json && redraws
    return watched ? await live(invocation) : await once(invocation)
  })
}

const tell = (text: string) => void process.stderr.write(`${printable(text)}\n`)

async function once({ output, signal }: Invocation<Options>) {
  const [{ demoOnce }, { callTable }, { demoDefaults }] = await Promise.all([
    import('../demo/once.ts'),
    import('../demo/live.ts'),
    import('../demo/defaults.ts'),
  ])
  const { summary, well, calls } = await demoOnce(tell, signal)
  const agents = demoDefaults.agents.map(name => ({ name }))
  output.result(summary, () => onceText(callTable(agents, calls, output), summary, well, output))
  return well ? exitCodes.ok : exitCodes.failure
}

function onceText(table: string, summary: DemoSummary, well: boolean, output: Output): Text {
  const { members, calls, paths, seconds } = summary
  return [
    'After the relay was killed, calls from row to column:',
    table,
    `${members} members; ${calls.ok} calls succeeded, ${calls.failed} failed; ${paths.direct} direct, ${paths.webrtc} webrtc, ${paths.relay} relayed; ${seconds} s`,
    well ? output.style('green', 'OK: every call succeeded.') : output.style('red', 'Failed: see above.'),
  ]
}

async function live({ output, signal }: Invocation<Options>) {
  const [{ startDemoMesh }, { showLive }] = await Promise.all([
    import('../demo/demo-mesh.ts'),
    import('../demo/live.ts'),
  ])
  const mesh = await startDemoMesh(tell, signal)
  try {
    await showLive(mesh, output, signal)
  } finally {
    tell('Stopping')
    await mesh.stop()
  }
}

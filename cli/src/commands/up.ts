import { Option } from 'commander'

import { collect, parseListen } from '../arguments.ts'
import { defaults } from '../defaults.ts'
import { logLevelOption, type LogLevel } from './log-level.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  join?: string
  name?: string
  region?: string
  /** False: nowhere. */
  listen?: string[] | false
  announce?: string[]
  logLevel: LogLevel
  metrics?: { host: string; port: number }
  paths: 'any' | 'relay'
  serve?: string[]
  mdns: boolean
}

export const registerUp: Register = (program, finish) => {
  const command = program
    .command('up')
    .description('run the agent of this machine: it serves, calls and stays in the mesh')
    .option('--join <token>', 'join token (first start only)')
    .option('--name <name>', 'wanted name (default: the host name)')
    .option('--region <region>', 'where this machine is')
    .option(
      '--listen <addr>',
      `address to listen on; may be repeated (default: ${defaults.agentListen})`,
      collect,
    )
    .option('--no-listen', 'listen nowhere: others reach this agent over relays and punched paths')
    .option('--announce <addr>', 'address to tell others instead; may be repeated', collect)
    .addOption(
      new Option('--paths <paths>', 'relay: dial over relays alone').choices(['any', 'relay']).default('any'),
    )
    .option('--no-mdns', 'neither look for members on the LAN nor be found there')
    .option('--serve <file>', 'module whose exports are services to serve; may be repeated', collect)
    .option('--metrics <host:port>', 'serve /health, /ready and /metrics there', parseListen)
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      `
Runs in the foreground until Ctrl-C; the other commands talk to it. It comes back from its data folder without the token,
also while the control plane is away.

Examples:
  $ agent-mesh up --join TOKEN
  $ agent-mesh up
  $ agent-mesh up --name web-1 --serve ./services/math.ts
  $ agent-mesh --context staging up --join TOKEN`,
    )
  onCall<Options, []>(command, finish, async invocation => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options } = invocation
    await runDaemon(invocation, {
      kind: 'agent',
      starting: options.join === undefined ? 'Starting the agent' : 'Joining the mesh',
      metricsListen: options.metrics,
      start: async (folder, signal) => {
        const { startAgentDaemon } = await import('../daemon/agent-daemon.ts')
        return startAgentDaemon({
          ...options,
          folder,
          listen: options.listen === false ? [] : (options.listen ?? [defaults.agentListen]),
          proxy: invocation.settings.proxy,
          signal,
        })
      },
    })
  })
}

import { Option } from 'commander'

import { collect } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'
import { onCall, type Register } from './define.ts'
import { logLevelOption } from './log-level.ts'
import {
  announceOption,
  drainOption,
  joinHelp,
  joiningOf,
  listenOption,
  metricsOption,
  nameOption,
  regionOption,
  takesJoin,
  takesMemberSettings,
  type MemberCommandOptions,
} from './member-options.ts'

interface Options extends MemberCommandOptions {
  /** False: nowhere. */
  listen?: string[] | false
  paths: 'any' | 'relay'
  serve?: string[]
  mdns: boolean
}

export const registerUp: Register = (program, finish) => {
  const command = takesJoin(
    program.command('up').description('run the agent of this machine (foreground)'),
    'join token',
  )
    .addOption(nameOption())
    .addOption(regionOption('where this machine is'))
    .addOption(listenOption(commandDefaults.agentListen))
    .option('--no-listen', 'listen nowhere: others reach this agent over relays and punched paths')
    .addOption(announceOption('address'))
    .addOption(
      new Option('--paths <paths>', 'relay: dial over relays alone').choices(['any', 'relay']).default('any'),
    )
    .option('--no-mdns', 'neither look for members on the LAN nor be found there')
    .option('--serve <file>', 'module whose exports are services to serve; may be repeated', collect)
    .addOption(metricsOption())
    .addOption(drainOption())
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      `
Runs in the foreground until Ctrl-C; the other commands talk to it. It restarts from its data folder without the token,
also while the control plane is unavailable.
${joinHelp}

Examples:
  $ agent-mesh up --join @/run/secrets/join-token
  $ agent-mesh up --join TOKEN
  $ agent-mesh up
  $ agent-mesh up --name web-1 --serve ./services/math.ts
  $ agent-mesh --context staging up --join TOKEN`,
    )
  takesMemberSettings(command)
  onCall<Options, [string | undefined]>(command, finish, async (invocation, token) => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options, settings } = invocation
    const joining = joiningOf(options, token, settings)
    await runDaemon(invocation, {
      kind: 'agent',
      starting: joining.source === undefined ? 'Starting the agent' : 'Joining the mesh',
      metricsListen: options.metrics,
      drainMs: options.drain,
      start: async (folder, signal) => {
        const { startAgentDaemon } = await import('../daemon/agent-daemon.ts')
        return startAgentDaemon({
          ...options,
          joining,
          folder,
          listen: options.listen === false ? [] : (options.listen ?? [commandDefaults.agentListen]),
          proxy: settings.proxy,
          signal,
        })
      },
    })
  })
}

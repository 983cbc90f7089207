import { MeshError } from '@agent-mesh/protocol/errors'
import { Option, type Command } from 'commander'

import { collect, parseLoopback } from '../arguments.ts'
import type { MachineFlags } from '../daemon/agent-files.ts'
import { commandDefaults } from '../defaults.ts'
import { collectPeer } from '../name-arguments.ts'
import { onCall, type Register } from './define.ts'
import { takesLogOptions } from './log-options.ts'
import { takesMachineOptions } from './machine-options.ts'
import {
  announceOption,
  drainOption,
  joinHelp,
  joiningOf,
  listenOption,
  metricsOption,
  nameOption,
  presetOption,
  takesPlace,
  takesJoin,
  takesMemberSettings,
  type MemberCommandOptions,
} from './member-options.ts'

interface Options extends MemberCommandOptions, MachineFlags {
  /** False: nowhere. */
  listen?: string[] | false
  paths: 'any' | 'relay'
  useRelay?: string[]
  serve?: string[]
  mcp?: string[]
  mcpAllow?: string[]
  mcpFor?: string[]
  mcpPerCaller?: string[]
  watch?: boolean
  gateway?: { host: string; port: number }
  mdns: boolean
  tuning: boolean
}

const help = `
Runs in the foreground until Ctrl-C; the other commands talk to it. Later starts need neither the token nor the control
plane: the data folder has what the agent needs.
${joinHelp}

Examples:
  $ agent-mesh up --join @/run/secrets/join-token
  $ agent-mesh up --join TOKEN
  $ agent-mesh up
  $ agent-mesh up --name web-1 --serve ./services/math.ts
  $ agent-mesh up --serve ./services/math.ts --watch
  $ agent-mesh up --gateway
  $ agent-mesh up --mcp 'fs=npx -y @modelcontextprotocol/server-filesystem /srv'
  $ agent-mesh up --allow-logs --allow-exec '/usr/bin/systemctl status *'
  $ agent-mesh up --allow-files /var/log:ro --allow-files /srv/in
  $ agent-mesh --context staging up --join TOKEN`

export const registerUp: Register = (program, finish) => {
  const command = takesJoin(
    program.command('up').description('run the agent of this machine in the foreground'),
    'join token',
  )
    .addOption(nameOption())
    .addOption(listenOption(commandDefaults.agentListen))
    .option('--no-listen', 'do not listen: members reach this agent through relays and hole punching')
    .addOption(announceOption('address to announce instead of the ones it listens on'))
    .addOption(
      new Option('--paths <paths>', 'paths that it dials: any, or relays only')
        .choices(['any', 'relay'])
        .default('any'),
    )
    .addOption(useRelayOption())
    .option('--no-mdns', 'no discovery on the LAN (multicast DNS)')
    .option('--no-tuning', 'leave hedge delay, cache and compression at their defaults')
    .option('--serve <file>', 'module whose exported services it serves; may be repeated', collect)
    .option('--watch', 'reload the modules of --serve when they change, for development')
    .addOption(
      new Option(
        '--gateway [host:port]',
        `serve HTTP to programs of this machine that have a token: see agent-mesh gateway (default: ${commandDefaults.gatewayListen})`,
      )
        .argParser(parseLoopback)
        .preset(commandDefaults.gatewayListen),
    )
    .addOption(presetOption())
    .addOption(metricsOption())
    .addOption(drainOption())
    .addHelpText('after', help)
  takesToolServers(command)
  takesLogOptions(takesMachineOptions(command))
  takesPlace(command, 'region of this machine')
  takesMemberSettings(command)
  onCall<Options, [string | undefined]>(command, finish, async (invocation, token) => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options, settings } = invocation
    checkWatch(options)
    const joining = joiningOf(options, token, settings)
    await runDaemon(invocation, {
      kind: 'agent',
      starting: joining.source === undefined ? 'Starting the agent' : 'Joining the mesh',
      metricsListen: options.metrics,
      logFormat: options.logFormat,
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

const useRelayOption = () =>
  new Option(
    '--use-relay <name|id>',
    'relay that it uses, as its home and for calls; may be repeated (default: all)',
  ).argParser(collectPeer)

const takesToolServers = (command: Command) =>
  command
    .option(
      '--mcp <name=command>',
      'MCP server whose tools it serves, as mcp.NAME: fs="npx server-fs /srv"; may be repeated',
      collect,
    )
    .option(
      '--mcp-allow <server.tool>',
      "tool of an --mcp server that is served, fs.read_file or 'fs.read_*'; may be repeated (default: all)",
      collect,
    )
    .option(
      '--mcp-for <server=selector>',
      'serve this --mcp server to these members only, fs=tag:ops (role:…, name:…); may be repeated (default: all that the policy allows)',
      collect,
    )
    .option(
      '--mcp-per-caller <name>',
      'run a process of this --mcp server for each member that calls; may be repeated',
      collect,
    )

/** @throws MeshError invalid_argument for --watch without --serve */
function checkWatch({ watch, serve = [] }: Options): void {
  if (watch === true && serve.length === 0)
    throw new MeshError('invalid_argument', 'Cannot watch: no module is served', {
      hint: 'Name it with --serve FILE.',
    })
}

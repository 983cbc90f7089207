import { collect, parseLimit, parseListen, parseStunPort } from '../arguments.ts'
import { defaults } from '../defaults.ts'
import { logLevelOption, type LogLevel } from './log-level.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  join?: string
  name?: string
  region?: string
  listen?: string[]
  announce?: string[]
  logLevel: LogLevel
  metrics?: { host: string; port: number }
  stunPort?: number
  memberRate?: number
  memberDaily?: number
  totalRate?: number
  totalDaily?: number
}

export const registerRelay: Register = (program, finish) => {
  const command = program
    .command('relay')
    .description('run a relay: the home of agents and the way to those nobody reaches directly')
    .option('--join <token>', 'join token with the role relay (first start only)')
    .option('--name <name>', 'wanted name (default: the host name)')
    .option('--region <region>', 'where it is; agents prefer relays of their region')
    .option(
      '--listen <addr>',
      `address to listen on; may be repeated (default: ${defaults.relayListen})`,
      collect,
    )
    .option('--announce <addr>', 'public address to tell others instead; may be repeated', collect)
    .option(
      '--stun-port <port>',
      `answer STUN on this UDP port and the next, 0 for none (default: ${defaults.stunPort}, or none when taken)`,
      parseStunPort,
    )
    .option(
      '--member-rate <mib>',
      'MiB a second that one member may send (default: 32, 0 for no limit)',
      parseLimit,
    )
    .option('--member-daily <gib>', 'GiB a day that one member may send (default: 256)', parseLimit)
    .option('--total-rate <mib>', 'MiB a second of all members (default: 256)', parseLimit)
    .option('--total-daily <gib>', 'GiB a day of all members (default: 2048)', parseLimit)
    .option('--metrics <host:port>', 'serve /health, /ready and /metrics there', parseListen)
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      `
Runs in the foreground until Ctrl-C; comes back from its data folder without the token.

Examples:
  $ agent-mesh relay --join TOKEN --announce /ip4/198.51.100.7/tcp/4001
  $ agent-mesh relay --join TOKEN --listen /ip4/0.0.0.0/tcp/4001 --announce /dns4/relay.example.com/tcp/4001
  $ agent-mesh relay --join TOKEN --listen /ip4/0.0.0.0/tcp/4001 --listen /ip4/0.0.0.0/tcp/443/ws

Over its rate a member is slowed down and loses nothing; beyond its day its circuits end, with the
reason in the log and in agent_mesh_relay_denied_total.

Make the token with: agent-mesh token create --role relay`,
    )
  onCall<Options, []>(command, finish, async invocation => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options } = invocation
    await runDaemon(invocation, {
      kind: 'relay',
      starting: 'Joining the mesh',
      metricsListen: options.metrics,
      start: async (folder, signal) => {
        const { startRelayDaemon } = await import('../daemon/relay-daemon.ts')
        return startRelayDaemon({
          ...options,
          folder,
          listen: options.listen ?? [defaults.relayListen],
          proxy: invocation.settings.proxy,
          signal,
        })
      },
    })
  })
}

import type { Command } from 'commander'

import { parseLimit, parseStunPort } from '../arguments.ts'
import type { MemberFlags } from '../daemon/options.ts'
import type { RelayFlags } from '../daemon/relay-daemon.ts'
import { commandDefaults } from '../defaults.ts'
import { onCall, type Register } from './define.ts'
import { takesLogOptions } from './log-options.ts'
import {
  announceOption,
  certificateOf,
  drainOption,
  joinHelp,
  joiningOf,
  listenOption,
  metricsOption,
  nameOption,
  presetOption,
  takesPlace,
  takesCertificate,
  takesJoin,
  takesMemberSettings,
  type CertificateOptions,
  type MemberCommandOptions,
} from './member-options.ts'

interface Options extends MemberCommandOptions, CertificateOptions, Omit<RelayFlags, keyof MemberFlags> {
  listen?: string[]
}

const help = `
Runs in the foreground until Ctrl-C. Later starts need neither the token nor the control plane.
${joinHelp}

Examples:
  $ agent-mesh relay --join TOKEN --announce 198.51.100.7:4001
  $ agent-mesh relay --join TOKEN --listen /ip4/0.0.0.0/tcp/4001 --announce /dns4/relay.example.com/tcp/4001
  $ agent-mesh relay --join TOKEN --listen /ip4/0.0.0.0/tcp/4001 --listen /ip4/0.0.0.0/tcp/443/ws
  $ agent-mesh relay --listen /ip4/0.0.0.0/tcp/4001 --listen /ip4/0.0.0.0/tcp/443/wss --tls-cert fullchain.pem --tls-key privkey.pem

A member that sends faster than its rate is slowed down and loses no data. The circuits of a member that has used up its
daily quota are reset; the log and agent_mesh_relay_denied_total have the reason.

Create the token with: agent-mesh token create --role relay`

/** What members may send through the relay. */
const takesQuotas = (command: Command): Command =>
  command
    .option(
      '--member-rate <mib>',
      'limit of one member, MiB per second (default: 32; 0: no limit)',
      parseLimit,
    )
    .option(
      '--member-daily <gib>',
      'limit of one member, GiB per day (default: 256; 0: no limit)',
      parseLimit,
    )
    .option(
      '--total-rate <mib>',
      'limit of all members together, MiB per second (default: 256; 0: no limit)',
      parseLimit,
    )
    .option(
      '--total-daily <gib>',
      'limit of all members together, GiB per day (default: 2048; 0: no limit)',
      parseLimit,
    )

export const registerRelay: Register = (program, finish) => {
  const command = takesJoin(
    program
      .command('relay')
      .description('run a relay for agents that cannot be reached directly, in the foreground'),
    'join token with the role relay',
  )
    .addOption(nameOption())
    .addOption(listenOption(commandDefaults.relayListen))
    .addOption(announceOption('public address to announce'))
    .option(
      '--stun-port <port>',
      `UDP port for STUN, which also uses the next one; 0: no STUN (default: ${commandDefaults.stunPort}, or none when taken)`,
      parseStunPort,
    )
    .addOption(presetOption())
    .addOption(metricsOption())
    .addOption(drainOption())
    .addHelpText('after', help)
  takesLogOptions(command)
  takesPlace(command, 'region of this relay; agents prefer relays of their region')
  takesCertificate(command)
  takesQuotas(command)
  takesMemberSettings(command)
  onCall<Options, [string | undefined]>(command, finish, async (invocation, token) => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options, settings } = invocation
    const joining = joiningOf(options, token, settings)
    await runDaemon(invocation, {
      kind: 'relay',
      starting: 'Joining the mesh',
      metricsListen: options.metrics,
      logFormat: options.logFormat,
      drainMs: options.drain,
      start: async (folder, signal) => {
        const { startRelayDaemon } = await import('../daemon/relay-daemon.ts')
        return startRelayDaemon({
          ...options,
          ...certificateOf(options),
          joining,
          folder,
          listen: options.listen ?? [commandDefaults.relayListen],
          proxy: settings.proxy,
          signal,
        })
      },
    })
  })
}

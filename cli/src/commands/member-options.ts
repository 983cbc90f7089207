/** Options that `up` and `relay` share. */
import { announced, listened } from '@agent-mesh/agent/member/address-form'
import { MeshError } from '@agent-mesh/protocol/errors'
import { Argument, Option, type Command } from 'commander'

import { collectAddress, parseDuration, parseJoin, parseListen } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'
import { takesSettings } from '../config/settings-of.ts'
import { parseLabel, parseName } from '../name-arguments.ts'
import type { LogFlags } from '../daemon/daemon-log.ts'
import type { MemberFlags } from '../daemon/options.ts'
import type { Settings } from '../settings.ts'

type SameAsStarted = 'name' | 'region' | 'zone' | 'preset' | 'announce' | keyof LogFlags

export interface MemberCommandOptions extends Pick<MemberFlags, SameAsStarted> {
  /** `TOKEN`, `@FILE` or `-`. */
  join?: string
  wait?: boolean
  metrics?: { host: string; port: number }
  drain: number
}

/** `[token]`, `--join`, and `--wait` with its opposite: the default depends on whether stdout is a terminal. */
export const takesJoin = (command: Command, about: string): Command =>
  command
    .addArgument(
      new Argument(
        '[token]',
        'like --join; other users of this machine can read it in the process list',
      ).argParser(parseJoin),
    )
    .addOption(
      new Option(
        '--join <token>',
        `${about}, @FILE, or - for standard input; needed at the first start`,
      ).argParser(parseJoin),
    )
    .option('--wait', 'retry until the control plane answers (default without a terminal)')
    .option('--no-wait', 'fail when the control plane does not answer (default on a terminal)')

/**
 * How a member joins: where the token is (`TOKEN`, `@FILE` or `-`; the command line wins over the environment), and whether
 * the control plane is waited for.
 * @throws MeshError invalid_argument when the command line has two tokens
 */
export function joiningOf(
  { join, wait }: Pick<MemberCommandOptions, 'join' | 'wait'>,
  argument: string | undefined,
  { join: environment, interactive }: Settings,
): { source: string | undefined; wait: boolean } {
  if (join !== undefined && argument !== undefined)
    throw new MeshError('invalid_argument', 'Cannot join: the command line has two join tokens', {
      hint: 'Pass one: --join TOKEN, --join @FILE, or --join - for standard input.',
    })
  return { source: join ?? argument ?? environment, wait: wait ?? !interactive }
}

/** Lets environment and configuration file give the options of both. */
export const takesMemberSettings = (command: Command): void =>
  takesSettings(command, {
    lists: [
      'listen',
      'announce',
      'serve',
      'use-relay',
      'mcp',
      'mcp-allow',
      'mcp-for',
      'mcp-per-caller',
      'allow-files',
      'allow-exec',
    ],
    live: ['log-level', 'serve'],
    files: ['serve', 'tls-cert', 'tls-key'],
    atFiles: ['join'],
    elsewhere: ['join'],
    never: ['watch'],
  })

/** For the help of both. */
export const joinHelp = `
Keep the token out of the process list: --join @FILE, --join -, AGENT_MESH_JOIN=TOKEN or AGENT_MESH_JOIN_FILE=FILE.
Once the data folder is enrolled, the token is not needed and may have expired: the option may stay in a unit file.`

export const nameOption = () =>
  new Option('--name <name>', 'name to ask for (default: the host name)').argParser(parseName)

/** How failure detection is set. */
export const presetOption = () =>
  new Option(
    '--preset <preset>',
    'how soon silent members are found, and for how many bytes; metered: others probe this one seldom, too',
  )
    .choices(['edge', 'lan', 'wan', 'metered'])
    .default('edge')

/** `--region` and `--zone`. @param about of whom the region is */
export const takesPlace = (command: Command, about: string): Command =>
  command
    .addOption(
      new Option(
        '--region <region>',
        `${about}; auto: that of AWS_REGION or of the metadata service of EC2, with the zone`,
      ).argParser(parseLabel),
    )
    .addOption(
      new Option(
        '--zone <zone>',
        'zone within the region; calls go to providers of the own zone first',
      ).argParser(parseLabel),
    )

/** @param otherwise where it listens without the option */
export const listenOption = (otherwise: string) =>
  new Option(
    '--listen <addr>',
    `address to listen on, HOST:PORT or a multiaddr; may be repeated (default: ${otherwise})`,
  ).argParser(collectAddress(listened))

export const announceOption = (about: string) =>
  new Option('--announce <addr>', `${about}, HOST:PORT or a multiaddr; may be repeated`).argParser(
    collectAddress(announced),
  )

/** Options of a listener on `/wss`. */
export const takesCertificate = (command: Command): Command =>
  command
    .option('--tls-cert <file>', 'TLS certificate (PEM) for --listen …/wss; reloaded when the file changes')
    .option('--tls-key <file>', 'private key (PEM) of the TLS certificate')

export interface CertificateOptions {
  tlsCert?: string
  tlsKey?: string
}

/** @throws MeshError invalid_argument for one without the other */
export function certificateOf({ tlsCert: cert, tlsKey: key }: CertificateOptions) {
  if (cert === undefined && key === undefined) return {}
  if (cert !== undefined && key !== undefined) return { certificate: { cert, key } }
  throw new MeshError(
    'invalid_argument',
    `Cannot use a certificate: ${cert === undefined ? '--tls-cert' : '--tls-key'} is missing`,
    { hint: 'Pass both --tls-cert FILE and --tls-key FILE.' },
  )
}

export const drainOption = () =>
  new Option(
    '--drain <time>',
    'time that running calls have to end when the process stops; it exits at most 2 s later',
  )
    .argParser(parseDuration)
    .default(commandDefaults.drainMs, '8s')

export const metricsOption = () =>
  new Option(
    '--metrics <host:port>',
    'serve /health, /ready and /metrics there; a port alone listens on 127.0.0.1',
  ).argParser(parseListen)

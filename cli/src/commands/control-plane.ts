import type { LogLevel } from '@agent-mesh/agent/observe/logger'
import { Option } from 'commander'

import { takesSettings } from '../config/settings-of.ts'
import { commandDefaults } from '../defaults.ts'
import { parseListen } from '../arguments.ts'
import { logLevelOption } from './log-level.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  listen: { host: string; port: number }
  publicUrl?: string
  store?: string
  createTable?: boolean
  restored?: boolean
  emptyStore?: boolean
  trustProxy?: string
  logLevel: LogLevel
}

const help = `
The first start makes the keys of the mesh and the admin identity in the data folder: keep a copy of it. Runs in the
foreground until Ctrl-C. Members go on calling each other while it is away.

A store is sqlite:FILE, postgres:URL or dynamodb:TABLE; several control planes may share one of the last two, each with
a copy of the key files. Keep the password out of the command line: PGPASSWORD, or AGENT_MESH_STORE for the whole URL.

A store that was restored from a backup is older than what members know: they refuse it until it was started once with
--restored. It then prints what has to be done again.

A data folder that has served a mesh does not start on an empty store: mount or name the right one, or restore a backup.
--empty-store begins with the same keys and nothing else; every member then joins again.

Behind a reverse proxy, --trust-proxy says whose X-Forwarded-For or Forwarded header is believed: the number of proxies in
front (1 without a value), or their networks, 10.0.0.0/8,192.0.2.7. The public URL may have a path.

Examples:
  $ agent-mesh control-plane
  $ agent-mesh control-plane --restored
  $ agent-mesh control-plane --listen 0.0.0.0:8440 --public-url https://mesh.example.com
  $ agent-mesh control-plane --public-url https://example.com/mesh --trust-proxy 1
  $ agent-mesh control-plane --store postgres://mesh@db.example.com/mesh`

const trustProxyOption = () =>
  new Option(
    '--trust-proxy [proxies]',
    'reverse proxies in front that tell the address of the sender: how many, or their networks',
  ).preset('1')

export const registerControlPlane: Register = (program, finish) => {
  const command = program
    .command('control-plane')
    .description('start or resume the control plane of a mesh')
    .addOption(
      new Option('--listen <host:port>', 'where it listens (port 0: any; a port alone: this machine only)')
        .argParser(parseListen)
        .default(parseListen(commandDefaults.controlPlaneListen), commandDefaults.controlPlaneListen),
    )
    .option('--public-url <url>', 'how members reach it, when that is another address; may have a path')
    .addOption(
      new Option('--store <store>', 'where the mesh is kept (default: SQLite in the data folder)').env(
        'AGENT_MESH_STORE',
      ),
    )
    .option('--create-table', 'make the table of dynamodb:TABLE if it is missing: for DynamoDB Local')
    .option(
      '--restored',
      'once after a restore of the store from a backup: members take it, and it says what was lost',
    )
    .option(
      '--empty-store',
      'once, when the store is lost for good: begin without members, tokens and policy',
    )
    .addOption(trustProxyOption())
    .addOption(logLevelOption())
    .addHelpText('after', help)
  takesSettings(command, { live: ['log-level'], never: ['create-table', 'restored', 'empty-store'] })
  onCall<Options, []>(command, finish, async invocation => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options } = invocation
    await runDaemon(invocation, {
      kind: 'control-plane',
      starting: 'Starting the control plane',
      start: async folder => {
        const { startControlPlaneDaemon } = await import('../daemon/control-plane-daemon.ts')
        return startControlPlaneDaemon({
          ...{ createTable: false, restored: false, emptyStore: false },
          ...options,
          publicUrl: options.publicUrl,
          store: options.store,
          trustProxy: options.trustProxy,
          folder: folder.path,
        })
      },
    })
  })
}

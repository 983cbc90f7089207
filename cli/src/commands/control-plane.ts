import { Option } from 'commander'

import { takesSettings } from '../config/settings-of.ts'
import type { LogFlags } from '../daemon/daemon-log.ts'
import { commandDefaults } from '../defaults.ts'
import { parseListen } from '../arguments.ts'
import { takesLogOptions } from './log-options.ts'
import { onCall, type Register } from './define.ts'

interface Options extends LogFlags {
  listen: { host: string; port: number }
  publicUrl?: string
  store?: string
  createTable?: boolean
  restored?: boolean
  emptyStore?: boolean
  trustProxy?: string
}

const help = `
Runs in the foreground until Ctrl-C. The first start creates the keys of the mesh and the admin identity in the data
folder: keep a copy of it. Members keep calling each other while the control plane is stopped.

STORE is sqlite:FILE, postgres:URL or dynamodb:TABLE. Several control planes may share a PostgreSQL or DynamoDB store,
each with a copy of the key files. Keep the password out of the command line: use PGPASSWORD, or AGENT_MESH_STORE for
the whole URL.

Members refuse a store that was restored from a backup, because it is older than what they know. Start the control plane
once with --restored: members accept the store, and it prints what you have to do again.

A data folder that has served a mesh does not start with an empty store: mount or name the right store, or restore a
backup. With --empty-store it starts with its keys and nothing else; then every member has to join again.

Behind a reverse proxy, --trust-proxy names the proxies whose X-Forwarded-For or Forwarded header is trusted: their number
(1 without a value), or their networks (10.0.0.0/8,192.0.2.7). The public URL may have a path.

Examples:
  $ agent-mesh control-plane
  $ agent-mesh control-plane --restored
  $ agent-mesh control-plane --listen 0.0.0.0:8440 --public-url https://mesh.example.com
  $ agent-mesh control-plane --public-url https://example.com/mesh --trust-proxy 1
  $ agent-mesh control-plane --store postgres://mesh@db.example.com/mesh`

const trustProxyOption = () =>
  new Option(
    '--trust-proxy [proxies]',
    'reverse proxies whose forwarding headers are trusted: their number, or their networks',
  ).preset('1')

export const registerControlPlane: Register = (program, finish) => {
  const command = program
    .command('control-plane')
    .description('start or resume a control plane in the foreground')
    .addOption(
      new Option(
        '--listen <host:port>',
        'address to listen on (port 0: any free one; a port alone listens on 127.0.0.1)',
      )
        .argParser(parseListen)
        .default(parseListen(commandDefaults.controlPlaneListen), commandDefaults.controlPlaneListen),
    )
    .option('--public-url <url>', 'URL at which members reach it, if not the listen address; may have a path')
    .addOption(
      new Option('--store <store>', 'store of the mesh (default: SQLite in the data folder)').env(
        'AGENT_MESH_STORE',
      ),
    )
    .option('--create-table', 'create the table of dynamodb:TABLE if it does not exist (for DynamoDB Local)')
    .option(
      '--restored',
      'use once after the store was restored from a backup: members accept it, and it reports what was lost',
    )
    .option('--empty-store', 'use once when the store is lost: start without members, tokens and policy')
    .addOption(trustProxyOption())
    .addHelpText('after', help)
  takesLogOptions(command)
  takesSettings(command, { live: ['log-level'], never: ['create-table', 'restored', 'empty-store'] })
  onCall<Options, []>(command, finish, async invocation => {
    const { runDaemon } = await import('../daemon/run-daemon.ts')
    const { options } = invocation
    await runDaemon(invocation, {
      kind: 'control-plane',
      starting: 'Starting the control plane',
      logFormat: options.logFormat,
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

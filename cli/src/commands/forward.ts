import { once } from 'node:events'

import type { MeshError } from '@agent-mesh/protocol/errors'
import { hostPort } from '@agent-mesh/protocol/host-port'

import { parseListen } from '../arguments.ts'
import { parseMemberPort } from '../name-arguments.ts'
import type { MemberPort } from '../ports/local-pipe.ts'
import { showFailure } from '../show/failure.ts'
import { onCall, type Register } from './define.ts'

export const registerForward: Register = (program, finish) => {
  const command = program
    .command('forward')
    .description('listen on this machine for a port of a member')
    .argument('<member:port>', 'member, and what it exposes the port as: web-1:ssh', parseMemberPort)
    .argument('[listen]', 'PORT or HOST:PORT to listen on (default: a free port of 127.0.0.1)', parseListen)
    .addHelpText(
      'after',
      `
Runs until Ctrl-C. Each connection opens the port anew: when the member was away, or the agent of this machine starts again, the
next connection works. Programs that can connect to the address act as this machine: choose one other than 127.0.0.1 with care.

Examples:
  $ agent-mesh forward web-1:ssh 2222
  $ agent-mesh forward db-1:postgres 127.0.0.1:5432 --json

With --json the first line is {"event": "listening", "host", "port", "peer", "memberPort"}; each connection that fails is a line
{"error"}.`,
    )
  onCall<object, [MemberPort, { host: string; port: number } | undefined]>(
    command,
    finish,
    async ({ settings, output, signal }, to, listen = { host: '127.0.0.1', port: 0 }) => {
      const { forwardLocally } = await import('../ports/local-forward.ts')
      const failed = (error: MeshError) => void showFailure(error, settings)
      const forwarded = await forwardLocally(settings.data, { to, listen, failed }, signal)
      const { host, port } = forwarded
      output.result({ event: 'listening', host, port, peer: to.peer, memberPort: to.port }, () => [
        `${hostPort({ host, port })} is port ${to.port} of ${to.peer}. Ctrl-C ends it.`,
      ])
      if (!signal.aborted) await once(signal, 'abort')
      await forwarded.stop()
    },
  )
}

import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { MeshError } from '@agent-mesh/protocol/errors'

import { parseMemberPort } from '../name-arguments.ts'
import type { MemberPort } from '../ports/local-pipe.ts'
import { onCall, type Register } from './define.ts'

export const registerConnect: Register = (program, finish) => {
  const command = program
    .command('connect')
    .description('connect standard input and output to a port of a member')
    .argument('<member:port>', 'member, and what it exposes the port as: web-1:ssh', parseMemberPort)
    .addHelpText(
      'after',
      `
Examples:
  $ ssh -o ProxyCommand='agent-mesh connect %h:ssh' web-1
  $ agent-mesh connect db-1:backup > backup.tar

Exit codes: 0 both directions ended, 4 the policy or the owner of the port does not allow it, 6 not reachable, or the connection
was reset, 7 no such member or port, 130 interrupted.`,
    )
  onCall<object, [MemberPort]>(command, finish, async ({ settings, signal }, to) => {
    const { openLocalPipe } = await import('../ports/local-pipe.ts')
    const pipe = await openLocalPipe(settings.data, to, signal)
    const abort = () => pipe.destroy()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await throughStdio(pipe)
    } catch (cause) {
      if (signal.aborted)
        throw new MeshError('cancelled', `Cannot finish ${to.peer}:${to.port}: interrupted`, { cause })
      throw new MeshError('path_lost', `Cannot finish ${to.peer}:${to.port}: the connection was reset`, {
        cause,
        hint: 'The member, its program or the path between went away. Connect again.',
      })
    }
  })
}

/** Both directions, to their ends. At a terminal nothing ends what is typed: the end of the other side does. */
async function throughStdio(pipe: Duplex): Promise<void> {
  const sending = pipeline(process.stdin, pipe)
  const receiving = received(pipe)
  await Promise.race([receiving, sending.then(() => receiving)])
  if (process.stdin.isTTY !== true) return sending
  // Rejects as it is cut off here.
  sending.catch(() => undefined)
  process.stdin.destroy()
}

/** Standard output is not ended: other commands of a shell line may use it. */
const received = (pipe: Duplex): Promise<void> => pipeline(pipe, process.stdout, { end: false })

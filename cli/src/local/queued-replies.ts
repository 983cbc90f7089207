import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Lets each reply of `server` close with its connection: Node 22 tells only the one whose turn it is, and those that wait behind it (requests
 * that a client pipelines) would hold what they have taken permanently. Called before the first request.
 */
export function closeQueuedReplies(server: Server): Server {
  const repliesOf = new WeakMap<Socket, Set<ServerResponse>>()
  const watch = ({ socket }: IncomingMessage, reply: ServerResponse): void => {
    const replies = repliesOf.get(socket) ?? new Set()
    if (!repliesOf.has(socket)) {
      repliesOf.set(socket, replies)
      socket.once('close', () => {
        for (const queued of replies) if (queued.socket === null) queued.destroy().emit('close')
      })
    }
    replies.add(reply)
    reply.once('close', () => replies.delete(reply))
  }
  server.prependListener('request', watch)
  // A listener of its own would keep `node:http` from asking for the body.
  if (server.listenerCount('checkContinue') > 0) server.prependListener('checkContinue', watch)
  return server
}

/** An exposed port that speaks HTTP: the program behind it learns from headers which member asks. */
import { createServer, request } from 'node:http'
import type { Duplex } from 'node:stream'

import type { PipeHandler } from '@agent-mesh/agent'
import { hostPort } from '@agent-mesh/protocol/host-port'
import type { Subject } from '@agent-mesh/protocol/policy'

import { GatheredMessage } from '../local/handler-server.ts'
import { closeQueuedReplies } from '../local/queued-replies.ts'
import { replyHeaders, requestHeaders } from './forwarded-headers.ts'
import { asksForWebSocket, passRequest, passUpgrade, type Passage } from './pass-requests.ts'

interface Target {
  readonly host: string
  readonly port: number
}

/** Handles the pipes of a port: one connection each. WebSockets pass. */
export function httpPort(target: Target): PipeHandler {
  const callers = new WeakMap<Duplex, Subject>()
  const server = closeQueuedReplies(
    createServer({ shouldUpgradeCallback: asksForWebSocket, IncomingMessage: GatheredMessage }),
  )
  server.on('request', (asked, response) => {
    const caller = callers.get(asked.socket)
    if (caller === undefined) return void response.destroy()
    void passRequest(asked, response, passageTo(target, caller))
  })
  server.on('upgrade', (asked, pipe, head) => {
    const caller = callers.get(asked.socket)
    if (caller === undefined) return void pipe.destroy()
    passUpgrade(asked, pipe, head, passageTo(target, caller))
  })
  return (pipe, caller) => {
    callers.set(pipe, caller)
    server.emit('connection', pipe)
  }
}

const passageTo = (target: Target, caller: Subject): Passage => ({
  send: ({ method, url: path, rawHeaders }, more = []) =>
    request({
      ...target,
      method,
      path,
      headers: [...requestHeaders(rawHeaders, caller), ...more],
      agent: false,
    }),
  replyHeaders,
  unanswered: `Nothing answers at ${hostPort(target)} of this member.\n`,
})

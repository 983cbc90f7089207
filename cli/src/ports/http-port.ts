/** An exposed port that speaks HTTP: the program behind it learns from headers which member asks. */
import { createServer, request, ServerResponse, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { PipeHandler } from '@agent-mesh/agent'
import { join } from '@agent-mesh/agent/rpc/pipes/join'
import type { Subject } from '@agent-mesh/protocol/policy'

import { replyHeaders, requestHeaders } from './forwarded-headers.ts'

interface Target {
  readonly host: string
  readonly port: number
}

/** Handles the pipes of a port: one connection each. WebSockets pass. */
export function httpPort(target: Target): PipeHandler {
  const callers = new WeakMap<Duplex, Subject>()
  const server = createServer()
  server.on('request', (asked, response) => {
    const caller = callers.get(asked.socket)
    if (caller === undefined) return void response.destroy()
    void forward(asked, response, { target, caller })
  })
  server.on('upgrade', (asked, pipe, head) => {
    const caller = callers.get(asked.socket)
    if (caller === undefined) return void pipe.destroy()
    forwardUpgrade(asked, pipe, head, { target, caller })
  })
  return (pipe, caller) => {
    callers.set(pipe, caller)
    server.emit('connection', pipe)
  }
}

interface Forwarded {
  target: Target
  caller: Subject
}

const send = (
  { method, url: path, rawHeaders }: IncomingMessage,
  { target, caller }: Forwarded,
  more: string[] = [],
) =>
  request({
    ...target,
    method,
    path,
    headers: [...requestHeaders(rawHeaders, caller), ...more],
    agent: false,
  })

async function forward(
  asked: IncomingMessage,
  response: ServerResponse,
  forwarded: Forwarded,
): Promise<void> {
  const sent = send(asked, forwarded)
  response.once('close', () => sent.destroy())
  answer(response, sent, forwarded.target)
  await pipeline(asked, sent).catch(() => sent.destroy())
}

/** Answers with the reply to `sent`, or 502 where there is none. */
function answer(response: ServerResponse, sent: ClientRequest, target: Target): void {
  sent.once('response', reply => {
    response.writeHead(reply.statusCode ?? 502, reply.statusMessage, replyHeaders(reply.rawHeaders))
    // Cut on either side: the other one is cut, too.
    pipeline(reply, response).catch(() => response.destroy())
  })
  sent.once('error', () => {
    if (response.headersSent) return void response.destroy()
    response.writeHead(502, { 'content-type': 'text/plain', connection: 'close' })
    response.end(`Nothing answers at ${target.host}:${target.port} of this member.\n`)
  })
}

function forwardUpgrade(asked: IncomingMessage, pipe: Duplex, head: Buffer, forwarded: Forwarded): void {
  const { upgrade = '' } = asked.headers
  const sent = send(asked, forwarded, ['Connection', 'Upgrade', 'Upgrade', upgrade])
  pipe.once('error', () => sent.destroy())
  const response = new ServerResponse(asked)
  response.shouldKeepAlive = false
  response.once('finish', () => pipe.end())
  response.assignSocket(pipe as Socket)
  sent.once('upgrade', (reply, socket, first) => {
    response.detachSocket(pipe as Socket)
    const headers = [...replyHeaders(reply.rawHeaders), 'Connection', 'Upgrade']
    pipe.write(switchingHead([...headers, 'Upgrade', reply.headers.upgrade ?? upgrade]))
    // What came behind the heads belongs to the upgraded protocol.
    if (head.length > 0) pipe.unshift(head)
    if (first.length > 0) socket.unshift(first)
    join(pipe, socket)
  })
  answer(response, sent, forwarded.target)
  sent.end()
}

/** A `ServerResponse` would end the connection behind its head. */
function switchingHead(headers: readonly string[]): string {
  const lines = ['HTTP/1.1 101 Switching Protocols']
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Passes HTTP requests on to a program, and its replies back. WebSockets pass, too. */
import { ServerResponse, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { join } from '@agent-mesh/agent/rpc/pipes/join'

import type { RawHeaders } from './forwarded-headers.ts'

/** The way of one request to its program. */
export interface Passage {
  /** Begins the request. @param more headers behind those that it passes on */
  send(asked: IncomingMessage, more?: readonly string[]): ClientRequest
  /** Headers of the reply, for the client. */
  replyHeaders(raw: RawHeaders): string[]
  /** For the client, where there is no reply. */
  readonly unanswered: string
}

/** Answers 502 where there is no reply. Never throws. */
export async function passRequest(
  asked: IncomingMessage,
  response: ServerResponse,
  passage: Passage,
): Promise<void> {
  if (!(await isAnswered(asked, response, passage))) sayUnanswered(response, passage)
}

/** It may be sent twice: it does the same again, and has no body. */
export const isRepeatable = ({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  headers['content-length'] === undefined &&
  headers['transfer-encoding'] === undefined

/** @returns false when no reply has begun, and the client waits for one. Never throws. */
export function isAnswered(
  asked: IncomingMessage,
  response: ServerResponse,
  passage: Passage,
): Promise<boolean> {
  const sent = passage.send(asked)
  response.once('close', () => sent.destroy())
  const answered = answer(response, sent, passage)
  if (isRepeatable(asked)) sent.end()
  else pipeline(asked, sent).catch(() => sent.destroy())
  return answered
}

/** Answers with the reply to `sent`. @returns as {@link isAnswered} */
function answer(response: ServerResponse, sent: ClientRequest, passage: Passage): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  sent.once('response', reply => {
    const headers = passage.replyHeaders(reply.rawHeaders)
    response.writeHead(reply.statusCode ?? 502, reply.statusMessage, headers)
    // Cut on either side: the other one is cut, too.
    pipeline(reply, response).catch(() => response.destroy())
    resolve(true)
  })
  sent.once('error', () => {
    if (response.headersSent) response.destroy()
    resolve(response.destroyed)
  })
  sent.once('close', () => resolve(true))
  return promise
}

function sayUnanswered(response: ServerResponse, { unanswered }: Passage): void {
  response.writeHead(502, { 'content-type': 'text/plain', connection: 'close' })
  response.end(unanswered)
}

/** @param client its connection @param head what came behind the head of the request */
export function passUpgrade(asked: IncomingMessage, client: Duplex, head: Buffer, passage: Passage): void {
  const { upgrade = '' } = asked.headers
  const sent = passage.send(asked, ['Connection', 'Upgrade', 'Upgrade', upgrade])
  client.once('error', () => sent.destroy())
  const response = new ServerResponse(asked)
  response.once('close', () => sent.destroy())
  response.shouldKeepAlive = false
  response.once('finish', () => client.end())
  response.assignSocket(client as Socket)
  sent.once('upgrade', (reply, program, first) => {
    response.detachSocket(client as Socket)
    const headers = [...passage.replyHeaders(reply.rawHeaders), 'Connection', 'Upgrade']
    client.write(switchingHead([...headers, 'Upgrade', reply.headers.upgrade ?? upgrade]))
    // What came behind the heads belongs to the upgraded protocol.
    if (head.length > 0) client.unshift(head)
    if (first.length > 0) program.unshift(first)
    join(client, program)
  })
  void answer(response, sent, passage).then(answered => {
    if (!answered) sayUnanswered(response, passage)
  })
  sent.end()
}

/** A `ServerResponse` would end the connection behind its head. */
function switchingHead(headers: readonly string[]): string {
  const lines = ['HTTP/1.1 101 Switching Protocols']
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Passes HTTP requests on to a program, and its replies back. WebSockets pass, too. */
import { ServerResponse, STATUS_CODES, type ClientRequest, type IncomingMessage } from 'node:http'
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

/** Other protocols, such as HTTP/2, would carry requests that nothing here checks, with headers of any sender. */
export const asksForWebSocket = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket'

/** Answers 502 where there is no reply, and 400 to what cannot be passed on. Never throws. */
export async function passRequest(
  asked: IncomingMessage,
  response: ServerResponse,
  passage: Passage,
): Promise<void> {
  try {
    if (!(await isAnswered(asked, response, passage))) say(response, 502, passage.unanswered)
  } catch {
    say(response, 400, unsendable)
  }
}

/** `node:http` reads more than it writes, and what it throws would end the process. */
const unsendable = 'This request cannot be passed on: its head is not valid.\n'

/** It may be sent twice: it does the same again, and has no body. */
export const isRepeatable = ({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  headers['content-length'] === undefined &&
  headers['transfer-encoding'] === undefined

/** @returns false when no reply has begun, and the client waits for one @throws Error for what cannot be passed on */
export async function isAnswered(
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
    try {
      response.writeHead(reply.statusCode ?? 502, reply.statusMessage, headers)
    } catch {
      // Status 000, or a control character in its reason: what is thrown here ends the process.
      sent.destroy()
      return resolve(response.destroyed)
    }
    // Cut on either side: the other one is cut, too.
    pipeline(reply, response).catch(() => response.destroy())
    resolve(true)
  })
  sent.once('error', () => {
    if (response.headersSent) response.destroy()
    resolve(response.destroyed)
  })
  // An upgrade that was not asked for ends without a reply.
  sent.once('close', () => resolve(response.headersSent || response.destroyed))
  return promise
}

function say(response: ServerResponse, status: 400 | 502, text: string): void {
  // With its reason: it may have one that could not be passed on.
  response.writeHead(status, STATUS_CODES[status], { 'content-type': 'text/plain', connection: 'close' })
  response.end(text)
}

/** Never throws. @param client its connection @param head what came behind the head of the request */
export function passUpgrade(asked: IncomingMessage, client: Duplex, head: Buffer, passage: Passage): void {
  const { upgrade = '' } = asked.headers
  const response = new ServerResponse(asked)
  response.shouldKeepAlive = false
  response.once('finish', () => client.end())
  response.assignSocket(client as Socket)
  let sent: ClientRequest
  try {
    sent = passage.send(asked, ['Connection', 'Upgrade', 'Upgrade', upgrade])
  } catch {
    return say(response, 400, unsendable)
  }
  client.once('error', () => sent.destroy())
  response.once('close', () => sent.destroy())
  let isUpgraded = false
  sent.once('upgrade', (reply, program, first) => {
    isUpgraded = true
    response.detachSocket(client as Socket)
    const headers = [...passage.replyHeaders(reply.rawHeaders), 'Connection', 'Upgrade']
    client.write(switchingHead([...headers, 'Upgrade', reply.headers.upgrade ?? upgrade]))
    // What came behind the heads belongs to the upgraded protocol.
    if (head.length > 0) client.unshift(head)
    if (first.length > 0) program.unshift(first)
    join(client, program)
  })
  const leave = () => {
    if (!isUpgraded && !response.headersSent) client.destroy()
  }
  // A browser that leaves ends its half, and no more: a program that never answers would keep the rest open.
  client.once('end', leave)
  if (client.readableEnded) leave()
  void answer(response, sent, passage).then(answered => {
    if (!answered && !isUpgraded) say(response, 502, passage.unanswered)
  })
  sent.end()
}

/** A `ServerResponse` would end the connection behind its head. */
function switchingHead(headers: readonly string[]): string {
  const lines = ['HTTP/1.1 101 Switching Protocols']
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

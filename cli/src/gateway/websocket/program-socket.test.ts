import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { afterEach, beforeEach, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

import type { GatewayAgent, GatewayCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import { ProgramSocket } from './program-socket.ts'

const answer = 'x'.repeat(1024 * 1024)
const agent = { ask: () => Promise.resolve({ value: answer }) } as unknown as GatewayAgent
const caller = {
  app: 'flood',
  mustHold: () => undefined,
  allows: () => true,
} as unknown as GatewayCaller

let server: WebSocketServer
let program: WebSocket
let opened: WebSocket
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
  const connection = once(server, 'connection') as Promise<[WebSocket]>
  program = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  ;[opened] = await connection
  new ProgramSocket(opened, { agent, caller, running: () => () => undefined })
  await once(program, 'open')
})
afterEach(() => {
  program.terminate()
  server.close()
})

it('reads no more from a program that does not read its answers, and goes on when it does', async () => {
  const answered = new Set<unknown>()
  program.on('message', data => answered.add((JSON.parse((data as Buffer).toString()) as { id: number }).id))
  const call = (id: number) => program.send(JSON.stringify({ id, call: 'math.add' }))
  const calls = gatewayDefaults.requestsOfToken
  program.pause()
  for (let id = 0; id < calls; id++) call(id)
  await vi.waitUntil(() => opened.bufferedAmount > gatewayDefaults.heldBytes, 20_000)
  call(calls)
  await vi.waitUntil(() => opened.isPaused, 20_000)
  call(calls + 1)
  program.resume()
  await vi.waitUntil(() => answered.size === calls + 2, 20_000)
  await vi.waitUntil(() => !opened.isPaused, 20_000)
})

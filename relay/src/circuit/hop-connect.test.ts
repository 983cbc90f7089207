import { generateIdentity } from '@agent-mesh/agent/identity/index'
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { expect, it, vi } from 'vitest'
import { answerConnect } from './hop-connect.ts'

it('a circuit whose source has given up meanwhile is not joined, and ends at its target', async () => {
  const [source, target] = await Promise.all([generateIdentity(), generateIdentity()])
  const connectionOf = (peerId: string) =>
    ({ remotePeer: peerIdFromString(peerId), remoteAddr: '/ip4/127.0.0.1/tcp/1' }) as unknown as Connection
  // As libp2p's stream does once it was reset.
  const send = () => {
    throw new Error('Cannot write to a stream that is closed')
  }
  const stream = { send, abort: vi.fn() }
  const targetStream = { abort: vi.fn() }
  const server = {
    handleConnect: async (_request: object, _options: object): Promise<void> => {},
    stopHop: () => Promise.resolve(targetStream as unknown as Stream),
  }
  const [leave, join] = [vi.fn(), vi.fn()]
  answerConnect(server as unknown as CircuitRelayService, {
    reserved: () => connectionOf(target.peerId),
    admit: () => ({ leave }),
    join,
  })
  const request = {
    stream: { unwrap: () => stream },
    request: { peer: { id: peerIdFromString(target.peerId).toMultihash().bytes } },
    connection: connectionOf(source.peerId),
  }
  await server.handleConnect(request, {})
  expect(join).not.toHaveBeenCalled()
  expect(leave).toHaveBeenCalledOnce()
  expect(targetStream.abort).toHaveBeenCalledOnce()
})

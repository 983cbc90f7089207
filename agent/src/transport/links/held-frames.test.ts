/** What a connection holds back until it is a link: frames of a member that is faster than the check of its hello. */
import { multiaddr } from '@multiformats/multiaddr'
import { byteStream } from '@libp2p/utils'
import { helloProtocol } from '@agent-mesh/protocol'
import { rpcProtocol } from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { FrameReader, headerBytes } from '../libp2p/frame-reader.ts'
import { framedStreamOf, framingMuxerOf, muxerOf } from '../libp2p/hidden-parts.ts'
import { createNode, type MeshNode } from '../libp2p/node.ts'
import { encodeMessage } from '../message-stream.ts'
import { TestTransports } from '../testing/test-transports.ts'
import type { Link } from './link.ts'

const [synFlag, resetFlag] = [1, 8]
/** More than a stranger may open. */
const opened = 40

let mesh: TestTransports
let node: MeshNode | undefined
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await node?.libp2p.stop()
  await mesh.end()
})

/** A window update of yamux without window. */
function frame(flag: number, stream: number): Buffer {
  const bytes = Buffer.alloc(headerBytes)
  bytes[1] = 1
  bytes.writeUInt16BE(flag, 2)
  bytes.writeUInt32BE(stream, 4)
  return bytes
}

it.each([
  ['its RPC stream', (rpc: number) => frame(resetFlag, rpc)],
  ['its connection, with a frame that is none', () => Buffer.alloc(headerBytes, 0xff)],
])('a link ends where what was held ends %s', async (_, last) => {
  const member = await mesh.member('hasty')
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const hostMember = await mesh.member('slow')
  const slow = await mesh.start(hostMember, {
    admit: async (...args) => {
      await held
      return hostMember.ports.admit(...args)
    },
  })
  const up: Link[] = []
  slow.links.onUp(link => void up.push(link))
  node = await createNode({
    identity: member.identity,
    listen: [],
    maxConnections: 10,
    denyInbound: () => true,
    beforeServices: () => {},
  })
  await node.libp2p.start()
  const { signal } = new AbortController()
  const addr = multiaddr(`${slow.addresses()[0]}/p2p/${slow.peerId}`)
  const connection = await node.core.transportManager.dial(addr, { signal })
  const hello = await connection.newStream(helloProtocol)
  const rpc = await connection.newStream(rpcProtocol)
  await byteStream(hello).write(encodeMessage(member.ports.hello()))
  const pushed = vi.spyOn(FrameReader.prototype, 'push')
  const opening = Array.from({ length: opened }, (_, n) => frame(synFlag, 1_001 + 2 * n))
  const bytes = Buffer.concat([...opening, last(framedStreamOf(rpc).streamId)])
  framingMuxerOf(muxerOf(connection)).send(bytes)
  await vi.waitUntil(() => pushed.mock.calls.some(([chunk]) => chunk.byteLength >= bytes.byteLength), 20_000)
  release()
  await until(() => up.length === 1 && slow.links.size === 0)
  expect(up[0]?.state).toBe('down')
})

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limitConnections } from './limit-connections.ts'
import { SourcePlaces } from './source-places.ts'

let server: Server
const sockets: Socket[] = []
beforeEach(async () => {
  server = createServer()
    .on('connection', limitConnections(new SourcePlaces(() => 3)))
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.close()
})

async function open(localAddress: string): Promise<Socket> {
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, localAddress }).resume()
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

/** How many of them the server left open. */
const standing = () => new Promise<number>(resolve => server.getConnections((_, count) => resolve(count)))

test('an address gets its places and no more, others theirs, and a place that was left is free again', async () => {
  const crowd = await Promise.all(Array.from({ length: 8 }, () => open('127.0.0.9')))
  await expect.poll(standing).toBe(3)
  const other = await open('127.0.0.1')
  await expect.poll(standing).toBe(4)
  const stayed = crowd.find(socket => !socket.destroyed && socket.readyState === 'open')
  stayed?.destroy()
  await expect.poll(standing).toBe(3)
  await open('127.0.0.9')
  await expect.poll(standing).toBe(4)
  expect(other.readyState).toBe('open')
})

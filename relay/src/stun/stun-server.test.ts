import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStun } from './open-stun.ts'
import { StunServer, stunAddresses } from './stun-server.ts'

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')

describe('a STUN server', () => {
  let server: StunServer
  let client: Socket
  beforeEach(async () => {
    server = new StunServer({ port: 0 })
    await server.start()
    client = createSocket('udp4')
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
  })
  afterEach(async () => {
    client.close()
    await server.stop()
  })

  const request = bytes('0001 0000 2112a442 0102030405060708090a0b0c')
  const mappedPort = (response: Buffer) => response.readUInt16BE(26) ^ 0x2112

  it('tells on two ports from where it was asked', async () => {
    expect(server.ports).toHaveLength(2)
    for (const port of server.ports) {
      const answer = once(client, 'message')
      client.send(request, port, '127.0.0.1')
      const [response] = (await answer) as [Buffer]
      expect(response.subarray(4, 20)).toEqual(request.subarray(4))
      expect(mappedPort(response)).toBe(client.address().port)
    }
  })

  it.skipIf(
    !Object.values(networkInterfaces())
      .flat()
      .some(own => own?.address === '::1'),
  )('answers over IPv6', async () => {
    const socket = createSocket('udp6')
    const answer = once(socket, 'message')
    socket.send(request, server.ports[0] ?? 0, '::1')
    const [response] = (await answer) as [Buffer]
    socket.close()
    expect(response).toHaveLength(44)
  })

  it('leaves garbage without an answer, and answers on', async () => {
    const [port = 0] = server.ports
    for (const garbage of ['', 'x', 'GET / HTTP/1.1']) client.send(garbage, port, '127.0.0.1')
    const answer = once(client, 'message')
    client.send(request, port, '127.0.0.1')
    await answer
    expect([server.refused, server.answered]).toEqual([3, 1])
  })

  it('answers a source that asks too often only at its rate', async () => {
    const [port = 0] = server.ports
    for (let sent = 0; sent < 150; sent++) client.send(request, port, '127.0.0.1')
    await vi.waitUntil(() => server.answered + server.refused === 150, { timeout: 30_000, interval: 5 })
    expect(server.refused).toBeGreaterThan(20)
    expect(server.answered).toBeGreaterThanOrEqual(100)
  })

  it('says so when its port is taken', async () => {
    const taken = new StunServer({ port: server.ports[0] ?? 0 })
    await expect(taken.start()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/: \d+ is taken \(EADDRINUSE\)$/),
    })
    await taken.stop()
  })
})

describe('a relay whose STUN ports are taken', () => {
  it('goes without, and says in one line which port is taken and what to do', async () => {
    const first = new StunServer({ port: 0 })
    await first.start()
    const [port = 0] = first.ports
    const warn = vi.fn()
    expect(await openStun({ port, optional: true }, { warn } as never)).toBeUndefined()
    expect(warn.mock.calls).toEqual([
      [
        {
          event: 'stun-not-started',
          reason: `Cannot answer STUN on UDP ${port} and the next port: ${port} is taken (EADDRINUSE)`,
          hint: expect.stringContaining('--stun-port') as string,
        },
        'goes without STUN',
      ],
    ])
    await first.stop()
  })
})

it('is listed with the hosts that the relay is reached at', () => {
  const addresses = [
    '/ip4/192.0.2.1/tcp/4001',
    '/dns4/relay.example/tcp/443/wss',
    '/ip4/192.0.2.1/tcp/443/ws',
  ]
  expect(stunAddresses(addresses, [3478, 3479])).toEqual([
    '/ip4/192.0.2.1/udp/3478',
    '/ip4/192.0.2.1/udp/3479',
    '/dns4/relay.example/udp/3478',
    '/dns4/relay.example/udp/3479',
  ])
})

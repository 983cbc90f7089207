import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bindingResponse, ip6Bytes, parseBindingRequest } from './message.ts'
import { StunServer, stunAddresses } from './stun-server.ts'

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')

describe('a binding message', () => {
  // RFC 5769, 2.2 and 2.3, of which only what is answered here is taken: transaction id, address and port.
  const id = bytes('2112a442 b7e7a701bc34d686fa87dfae')
  it.each([
    [4, '192.0.2.1', '0020 0008 0001 a147 e112a643'],
    [6, '2001:db8:1234:5678:11:2233:4455:6677', '0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9'],
  ] as const)('answers with the address as RFC 5769 shows for IPv%i', (family, address, attribute) => {
    const response = bindingResponse({ id, fingerprint: false }, { family, address, port: 32_853 })
    const expected = bytes(attribute)
    expect(Buffer.from(response)).toEqual(
      Buffer.concat([bytes('0101'), Uint8Array.of(0, expected.length), id, expected]),
    )
  })

  it.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['2001:db8::ff00:42:8329', '20010db8000000000000ff0000428329'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
  ])('knows the bytes of %s', (address, hex) => {
    expect(Buffer.from(ip6Bytes(address)).toString('hex')).toBe(hex)
  })

  const plain = bytes('0001 0000 2112a442 0102030405060708090a0b0c')
  const withAttributes = (hex: string) => {
    const attributes = bytes(hex)
    const request = Buffer.concat([plain, attributes])
    request.writeUInt16BE(attributes.length, 2)
    return request
  }

  it('is taken with optional attributes that nobody knows', () => {
    expect(parseBindingRequest(withAttributes('8022 0003 61626300'))).toMatchObject({ fingerprint: false })
  })

  it('carries a fingerprint when the request did, and it is right', () => {
    const answered = bindingResponse({ id, fingerprint: true }, { family: 4, address: '192.0.2.1', port: 1 })
    const answer = Buffer.from(answered)
    expect(answer.subarray(-8, -4)).toEqual(bytes('80280004'))
    expect(answer.readUInt32BE(answer.length - 4)).toBe((crc32(answer.subarray(0, -8)) ^ 0x5354554e) >>> 0)
  })

  it.each([
    ['is a response', bytes('0101 0000 2112a442 0102030405060708090a0b0c')],
    ['has another cookie', bytes('0001 0000 2112a443 0102030405060708090a0b0c')],
    ['is shorter than it says', bytes('0001 0004 2112a442 0102030405060708090a0b0c')],
    ['is cut', plain.subarray(0, 19)],
    ['needs what is not understood', withAttributes('0006 0004 61626364')],
    ['has an attribute beyond its end', withAttributes('8022 0009 61626364')],
    ['has a wrong fingerprint', withAttributes('8028 0004 00000000')],
    ['is too large', withAttributes(`8022 0258 ${'00'.repeat(600)}`)],
  ])('is not answered when it %s', (_name, datagram) => {
    expect(parseBindingRequest(datagram)).toBeUndefined()
  })
})

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
    await vi.waitUntil(() => server.answered + server.refused === 150, { timeout: 10_000, interval: 5 })
    expect(server.refused).toBeGreaterThan(20)
    expect(server.answered).toBeGreaterThanOrEqual(100)
  })

  it('says so when its port is taken', async () => {
    const taken = new StunServer({ port: server.ports[0] ?? 0 })
    await expect(taken.start()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('the port is taken'),
    })
    await taken.stop()
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

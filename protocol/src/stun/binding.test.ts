import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { bindingRequest, bindingResponse, mappedAddressIn, parseBindingRequest } from './binding.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')

// RFC 5769: 2.1 to 2.3, whole; what their keyed attributes sign is of no concern here.
const transaction = bytes('b7e7a701bc34d686fa87dfae')
const software = '8022 000b 74657374 20766563 746f7220'
const xorIp4 = '0020 0008 0001a147 e112a643'
const xorIp6 = '0020 0014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9'
const sampleRequest = bytes(`0001 0058 2112a442 b7e7a701bc34d686fa87dfae
  8022 0010 5354554e 20746573 7420636c 69656e74  0024 0004 6e0001ff  8029 0008 932ff9b1 51263b36
  0006 0009 6576746a 3a683676 59202020  0008 0014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  8028 0004 e57a3bcf`)
const sampleIp4 = bytes(`0101 003c 2112a442 b7e7a701bc34d686fa87dfae ${software} ${xorIp4}
  0008 0014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7  8028 0004 c07d4c96`)
const sampleIp6 = bytes(`0101 0048 2112a442 b7e7a701bc34d686fa87dfae ${software} ${xorIp6}
  0008 0014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41  8028 0004 c8fb0b4c`)

/** A message with these attributes, and a header that fits them. */
const message = (type: string, attributes: string): Buffer => {
  const all = bytes(`${type} 0000 2112a442 ${transaction.toString('hex')} ${attributes}`)
  all.writeUInt16BE(all.length - 20, 2)
  return all
}
const request = (attributes: string) => message('0001', attributes)
const response = (attributes: string) => message('0101', attributes)

/** Fills in the fingerprint that stands behind `before` bytes. */
const marked = (datagram: Buffer, before: number): Buffer => {
  datagram.writeUInt32BE((crc32(datagram.subarray(0, before)) ^ 0x5354554e) >>> 0, before + 4)
  return datagram
}

describe('a binding request', () => {
  it('is a header alone', () => {
    expect(Buffer.from(bindingRequest(transaction))).toEqual(request(''))
  })

  it('is taken with optional attributes that nobody knows', () => {
    const id = sampleRequest.subarray(4, 20)
    expect(parseBindingRequest(request('8022 0003 61626300'))).toEqual({ id, fingerprint: false })
  })

  it.each([
    ['is a response', response('')],
    ['has another cookie', bytes('0001 0000 2112a443 0102030405060708090a0b0c')],
    ['is shorter than it says', bytes('0001 0004 2112a442 0102030405060708090a0b0c')],
    ['is cut', request('').subarray(0, 19)],
    ['needs what is not understood', request('0006 0004 61626364')],
    ['needs the keys of RFC 5769, 2.1', sampleRequest],
    ['has an attribute beyond its end', request('8022 0009 61626364')],
    ['has a wrong fingerprint', request('8028 0004 00000000')],
    ['has more behind its fingerprint', marked(request('8028 0004 00000000 8022 0000'), 20)],
    ['has a fingerprint of another length', request('8028 0000')],
    ['is too large', request(`8022 0258 ${'00'.repeat(600)}`)],
  ])('is not taken when it %s', (_, datagram) => {
    expect(parseBindingRequest(datagram)).toBeUndefined()
  })
})

describe('an answer', () => {
  const id = sampleRequest.subarray(4, 20)

  it.each([
    [4, '192.0.2.1', xorIp4],
    [6, '2001:db8:1234:5678:11:2233:4455:6677', xorIp6],
  ])('has the address as RFC 5769 shows for IPv%i', (_, host, attribute) => {
    const answer = bindingResponse({ id, fingerprint: false }, { host, port: 32_853 })
    expect(Buffer.from(answer)).toEqual(response(attribute))
  })

  it('carries a fingerprint when the request did, and it is right', () => {
    const taken = parseBindingRequest(marked(request('8028 0004 00000000'), 20))
    expect(taken).toEqual({ id, fingerprint: true })
    const answered = bindingResponse({ id, fingerprint: true }, { host: '192.0.2.1', port: 1 })
    const answer = Buffer.from(answered)
    expect(answer.subarray(-8, -4)).toEqual(bytes('80280004'))
    expect(answer.readUInt32BE(answer.length - 4)).toBe((crc32(answer.subarray(0, -8)) ^ 0x5354554e) >>> 0)
  })
})

describe('a binding response', () => {
  it.each([
    ['IPv4, of RFC 5769', sampleIp4, '192.0.2.1'],
    ['IPv6, of RFC 5769', sampleIp6, '2001:db8:1234:5678:11:2233:4455:6677'],
    [
      'an attribute that nobody knows, and padding, before it',
      response(`8022 0006 61626364 61610000 ${xorIp4}`),
      '192.0.2.1',
    ],
    ['the address of an older server', response('0001 0008 00018055 c0000201'), '192.0.2.1'],
    [
      'the hidden address of a server that tells both',
      response(`0001 0008 00018055 c6336401 ${xorIp4}`),
      '192.0.2.1',
    ],
  ])('tells the address: %s', (_, datagram, host) => {
    expect(mappedAddressIn(datagram, transaction)).toEqual({ host, port: 32_853 })
  })

  it.each([
    ['of another transaction', response(xorIp4), Buffer.alloc(12)],
    ['that is a request', bindingRequest(transaction), transaction],
    ['without an address', response(''), transaction],
    ['cut off', response(xorIp4).subarray(0, -1), transaction],
    ['with more behind it', Buffer.concat([response(xorIp4), Buffer.alloc(4)]), transaction],
    ['with an attribute longer than itself', response('0020 ffff 0001a147 e112a643'), transaction],
    ['with a family that does not exist', response('0020 0008 0003a147 e112a643'), transaction],
    ['with an address of another length', response('0020 0008 0002a147 e112a643'), transaction],
    ['with port 0', response('0020 0008 00012112 e112a643'), transaction],
    ['empty', Buffer.alloc(0), transaction],
  ])('is none: %s', (_, datagram, asked) => {
    expect(mappedAddressIn(datagram, asked)).toBeUndefined()
  })
})

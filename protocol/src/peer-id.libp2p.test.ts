import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import vectors from '../vectors/peer-id.json' with { type: 'json' }
import { addrField } from './fields.ts'
import { peerIdOf, publicKeyOf } from './peer-id.ts'

const libp2pKey = (seed: Uint8Array) => generateKeyPairFromSeed('Ed25519', seed)

it.each(vectors.ed25519)('libp2p gives the seed $seed the same key and id', async ({ seed, ...expected }) => {
  const key = await libp2pKey(Buffer.from(seed, 'hex'))
  const publicKey = Buffer.from(key.publicKey.raw).toString('hex')
  expect({ publicKey, peerId: peerIdFromPrivateKey(key).toString() }).toEqual(expected)
})

it('libp2p encodes and decodes the peer id of any key as the project does', async () => {
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
  await fc.assert(
    fc.asyncProperty(seeds, async seed => {
      const { publicKey } = await libp2pKey(seed)
      const peerId = peerIdOf(publicKey.raw)
      expect(publicKey.toString()).toBe(peerId)
      expect(peerIdFromString(peerId).publicKey?.raw).toEqual(publicKeyOf(peerId))
    }),
    { numRuns: 50 },
  )
})

it('libp2p reads every address that the schema takes', () => {
  const group = fc.array(fc.nat(999), { minLength: 3, maxLength: 5 }).map(parts => parts.join('.'))
  const host = fc.oneof(
    fc.tuple(fc.constant('ip4'), fc.oneof(fc.ipV4(), group)),
    fc.tuple(fc.constant('ip6'), fc.oneof(fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,24}$/))),
    fc.tuple(fc.constantFrom('dns', 'dns4', 'dns6'), fc.oneof(fc.domain(), fc.stringMatching(/^[a-z.:-]+$/))),
  )
  const tail = fc.constantFrom('', '/ws', '/tls/ws', '/p2p-circuit')
  const port = fc.oneof(fc.nat(99_999).map(String), fc.constantFrom('0', '00080', '65535', '65536'))
  let taken = 0
  fc.assert(
    fc.property(host, fc.constantFrom('tcp', 'udp'), port, tail, ([kind, name], transport, port, rest) => {
      const addr = `/${kind}/${name}/${transport}/${port}${rest}`
      if (!z.safeParse(addrField, addr).success) return
      taken++
      expect(multiaddr(addr).toString()).not.toContain('p2p-circuit')
    }),
    { numRuns: 1_000 },
  )
  expect(taken).toBeGreaterThan(100)
})

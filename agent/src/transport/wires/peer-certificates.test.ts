import { X509Certificate } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { expect, it } from 'vitest'
import { makeCertificate, verifyCertificate } from './peer-certificate.ts'
import { PeerCertificates } from './peer-certificates.ts'

async function member() {
  const key = await generateKeyPair('Ed25519')
  const show = async () => new X509Certificate((await makeCertificate(key)).cert)
  return { peerId: peerIdFromPrivateKey(key), show }
}

/** Counts how often a certificate was verified. */
function counted(more: { most?: number; now?: () => number } = {}) {
  const seen = { verified: 0 }
  const verify: typeof verifyCertificate = (...args) => {
    seen.verified++
    return verifyCertificate(...args)
  }
  const certificates = new PeerCertificates({ ...more, verify })
  return { seen, peerOf: certificates.peerOf.bind(certificates) as PeerCertificates['peerOf'] }
}

it('a certificate is verified once, another one of the same peer on its own', async () => {
  const { seen, peerOf } = counted()
  const { peerId, show } = await member()
  const first = await show()
  for (let connections = 0; connections < 3; connections++)
    expect(String(await peerOf(first, peerId))).toBe(String(peerId))
  expect(seen.verified).toBe(1)
  expect(String(await peerOf(await show(), undefined))).toBe(String(peerId))
  expect(seen.verified).toBe(2)
})

it('a known certificate of another peer than the one dialled is refused', async () => {
  const { peerOf } = counted()
  const [one, other] = [await member(), await member()]
  const certificate = await one.show()
  await peerOf(certificate, one.peerId)
  await expect(peerOf(certificate, other.peerId)).rejects.toThrow()
})

it('a certificate that is not valid now is verified anew, known or not', async () => {
  let now = Date.now()
  const { seen, peerOf } = counted({ now: () => now })
  const { peerId, show } = await member()
  const certificate = await show()
  await peerOf(certificate, peerId)
  now -= 2 * 60 * 60 * 1_000
  await peerOf(certificate, peerId)
  now += 200 * 365 * 24 * 60 * 60 * 1_000
  await peerOf(certificate, peerId)
  expect(seen.verified).toBe(3)
})

it('what is forged is remembered by nobody', async () => {
  const { seen, peerOf } = counted()
  const { peerId, show } = await member()
  const forged = Buffer.from((await show()).raw)
  // The last bytes are its signature.
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  for (let tries = 0; tries < 2; tries++)
    await expect(peerOf(new X509Certificate(forged), peerId)).rejects.toThrow()
  expect(seen.verified).toBe(2)
})

it('of more certificates than are kept the one used longest ago is forgotten', async () => {
  const { seen, peerOf } = counted({ most: 2 })
  const [a, b, c] = await Promise.all([member(), member(), member()].map(async it => (await it).show()))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three certificates')
  for (const certificate of [a, b, a, c, a]) await peerOf(certificate, undefined)
  expect(seen.verified).toBe(3)
  await peerOf(b, undefined)
  expect(seen.verified).toBe(4)
})

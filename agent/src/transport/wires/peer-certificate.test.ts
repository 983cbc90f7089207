import { sign, X509Certificate } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { generateCertificate, verifyPeerCertificate } from '@libp2p/tls/utils'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { contentOf, element, oid, readElements, tags } from './der.ts'
import { makeCertificate, verifyCertificate, type CertificatePair } from './peer-certificate.ts'

const keyTypes = ['Ed25519', 'secp256k1'] as const
const member = async (type: (typeof keyTypes)[number] = 'Ed25519') => {
  const key = await generateKeyPair(type)
  return { key, peerId: peerIdFromPrivateKey(key) }
}
const parsed = ({ cert }: { cert: string }) => new X509Certificate(cert)

afterEach(() => void vi.useRealTimers())

describe('certificates of peers agree with those of libp2p', () => {
  it.each(keyTypes)('libp2p accepts what is made here with a key of %s', async type => {
    const { key, peerId } = await member(type)
    const certificate = parsed(await makeCertificate(key))
    expect(String(await verifyPeerCertificate(certificate.raw, peerId))).toBe(String(peerId))
    expect(String(await verifyCertificate(certificate, peerId))).toBe(String(peerId))
  })

  it.each(keyTypes)('what libp2p makes with a key of %s is accepted here', async type => {
    const { key, peerId } = await member(type)
    expect(String(await verifyCertificate(parsed(await generateCertificate(key)), peerId))).toBe(
      String(peerId),
    )
  })

  it('is read by OpenSSL as what it is', async () => {
    const { key } = await member()
    const { subject, issuer, serialNumber, validFrom, validTo, publicKey } = parsed(
      await makeCertificate(key),
    )
    expect({ subject, issuer }).toEqual({ subject: undefined, issuer: undefined })
    expect(serialNumber).toMatch(/^[4-7][0-9A-F]{15}$/)
    expect(Date.now() - Date.parse(validFrom)).toBeGreaterThan(3_590_000)
    expect(new Date(validTo).getUTCFullYear() - new Date().getUTCFullYear()).toBeGreaterThanOrEqual(99)
    expect(publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  })
})

describe('verifyCertificate()', () => {
  it('refuses another peer than the one dialled', async () => {
    const [one, other] = [await member(), await member()]
    const certificate = parsed(await makeCertificate(one.key))
    await expect(verifyCertificate(certificate, other.peerId)).rejects.toThrow(`not ${String(other.peerId)}`)
  })

  it('refuses one that is not valid yet, or no more', async () => {
    const { key } = await member()
    const certificate = parsed(await makeCertificate(key))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * 3_600_000 })
    await expect(verifyCertificate(certificate, undefined)).rejects.toThrow('not valid yet')
    vi.setSystemTime(Date.parse(certificate.validTo) + 2_000)
    await expect(verifyCertificate(certificate, undefined)).rejects.toThrow('expired')
  })

  it('refuses one that is valid until a time that is none', async () => {
    const { key } = await member()
    const certificate = changed(await makeCertificate(key), { end: '991332250000Z' })
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    await expect(verifyCertificate(certificate, undefined)).rejects.toThrow('expired')
  })

  it.each([
    ['1.2.840.10045.4.1', 'sha1', 'weak'],
    ['1.2.840.10045.4.3.1', 'sha224', 'weak'],
    ['1.2.840.10045.4.3.4', 'sha512', undefined],
  ] as const)('of a signature with hash %s, %s, says: %s', async (id, hash, refusal) => {
    const { key, peerId } = await member()
    const certificate = changed(await makeCertificate(key), { algorithm: [id, hash] })
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    const verified = verifyCertificate(certificate, peerId)
    if (refusal === undefined) expect((await verified).equals(peerId)).toBe(true)
    else await expect(verified).rejects.toThrow(refusal)
  })

  it('refuses the proof of one certificate in another', async () => {
    const { key } = await member()
    const [one, other] = [await makeCertificate(key), await makeCertificate(key)].map(
      pair => parsed(pair).raw,
    )
    if (one === undefined || other === undefined) throw new Error('two certificates')
    // The extensions have the same length if their signatures do: those of Ed25519 have 64 bytes each.
    const at = one.indexOf(Buffer.from([0x04, 0x40])) + 2
    const mixed = Buffer.from(other)
    one.copy(mixed, other.indexOf(Buffer.from([0x04, 0x40])) + 2, at, at + 64)
    await expect(verifyCertificate(new X509Certificate(mixed), undefined)).rejects.toThrow()
  })

  it('refuses a certificate without a proof', async () => {
    await expect(verifyCertificate(new X509Certificate(plain), undefined)).rejects.toThrow('proof')
  })

  it('refuses each certificate with one bit changed, as libp2p does', async () => {
    const { key } = await member()
    const { raw } = parsed(await makeCertificate(key))
    await fc.assert(
      fc.asyncProperty(fc.nat(raw.length - 1), fc.nat(7), async (place, bit) => {
        const changed = Buffer.from(raw)
        changed[place] = (changed[place] ?? 0) ^ (1 << bit)
        const readable = readable509(changed)
        fc.pre(readable !== undefined)
        await expect(verifyCertificate(readable!, undefined)).rejects.toThrow()
      }),
      { numRuns: 300 },
    )
  })
})

interface Change {
  /** Text of a UTCTime. */
  end?: string
  /** Object identifier and name of another hash with ECDSA. */
  algorithm?: readonly [string, string]
}

/** The same certificate with another end or algorithm, signed anew. */
function changed({ cert, key }: CertificatePair, { end, algorithm }: Change): X509Certificate {
  const [contents] = readElements(contentOf(tags.sequence, new X509Certificate(cert).raw))
  const fields = readElements(contents!.content).map(({ whole }) => whole)
  const [from, to] = readElements(contentOf(tags.sequence, fields[4]!))
  const until = end === undefined ? to!.whole : element(tags.utcTime, Buffer.from(end))
  fields[4] = element(tags.sequence, from!.whole, until)
  if (algorithm !== undefined) fields[2] = element(tags.sequence, oid(algorithm[0]))
  const all = element(tags.sequence, ...fields)
  const signature = element(tags.bitString, Uint8Array.of(0), sign(algorithm?.[1] ?? 'sha256', all, key))
  return new X509Certificate(element(tags.sequence, all, fields[2]!, signature))
}

/** Self-signed with openssl, valid for 100 years: of no member. */
const plain = `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUS9EOwdkeCABSLJHmqZ62U2N0XEEwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFcGxhaW4wIBcNMjYxMTI4MTMzNjE1WhgPMjEyNjExMDQxMzM2
MTVaMBAxDjAMBgNVBAMMBXBsYWluMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
dQ5bx5DwFB8sT0DkF7teW7+y6tI3v/NRvX5RUwXaTSRsbvkXD97Z20lRpXKiLCaz
yWhsj9IabjTDL+j8VaxSdqNTMFEwHQYDVR0OBBYEFElus9GKpzdIVMJPrchlULeP
RTTuMB8GA1UdIwQYMBaAFElus9GKpzdIVMJPrchlULePRTTuMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAKegsVzFm3zpJP1vLlTMgHYm+MgsZZs1
vWd75lJRHlLrAiBrzItm4ssxTz5Fw5VvXpDs3jM1ct7NjNGN0r7WazGn3Q==
-----END CERTIFICATE-----`

/** Undefined: OpenSSL refuses to read it, so no peer can show it. */
function readable509(raw: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(raw)
  } catch {
    return undefined
  }
}

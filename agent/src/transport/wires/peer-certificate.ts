/**
 * Certificates of libp2p's TLS: self-signed, of a key of their own, with an extension in which the member's key signs that
 * key. Written with Node's crypto and a page of DER: the ASN.1 libraries of `@libp2p/tls` take 500 KB of source and 8 MB of
 * memory. Both make and accept the same certificates. https://github.com/libp2p/specs/blob/master/tls/tls.md
 */
import { generateKeyPairSync, randomBytes, sign, type X509Certificate } from 'node:crypto'
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { contentOf, element, expectTag, oid, readElements, tags, time, type DerElement } from './der.ts'

const memberKeyExtension = oid('1.3.6.1.4.1.53594.1.1')
const ecdsaWithSha256 = element(tags.sequence, oid('1.2.840.10045.4.3.2'))
const signedBefore = Buffer.from('libp2p-tls-handshake:')
/** Valid from an hour before, so that a peer whose clock is behind accepts it. */
const [validBeforeMs, validForMs] = [3_600_000, 100 * 365 * 24 * 3_600_000]
/** Critical extensions of others that change nothing here: key usage, basic constraints, extended key usage. */
const harmless = ['2.5.29.15', '2.5.29.19', '2.5.29.37'].map(oid)

/** Signatures with hashes of 256 bits and more, as the specification asks: of RSA, RSA-PSS, ECDSA, Ed25519 and Ed448. */
const strong = [
  ...[10, 11, 12, 13].map(number => oid(`1.2.840.113549.1.1.${number}`)),
  ...[2, 3, 4].map(number => oid(`1.2.840.10045.4.3.${number}`)),
  ...[112, 113].map(number => oid(`1.3.101.${number}`)),
]

/** PEM, as Node's TLS reads it. */
export interface CertificatePair {
  cert: string
  key: string
}

/** Makes a certificate of a new P-256 key that `memberKey` signs. */
export async function makeCertificate(memberKey: PrivateKey): Promise<CertificatePair> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const proof = element(
    tags.sequence,
    element(tags.octetString, publicKeyToProtobuf(memberKey.publicKey)),
    element(tags.octetString, await memberKey.sign(Buffer.concat([signedBefore, spki]))),
  )
  const now = Date.now()
  const nobody = element(tags.sequence)
  const contents = element(
    tags.sequence,
    element(tags.context(0), element(tags.integer, Uint8Array.of(2))),
    element(tags.integer, serialNumber()),
    ecdsaWithSha256,
    nobody,
    element(tags.sequence, time(now - validBeforeMs), time(now + validForMs)),
    nobody,
    spki,
    element(tags.context(3), element(tags.sequence, critical(memberKeyExtension, proof))),
  )
  const signature = sign('sha256', contents, privateKey)
  const der = element(
    tags.sequence,
    contents,
    ecdsaWithSha256,
    element(tags.bitString, Uint8Array.of(0), signature),
  )
  return {
    cert: pem('CERTIFICATE', der),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/**
 * The peer that a certificate proves. TLS itself checks that the peer holds the certificate's key.
 * @param expected the peer dialled; undefined: any peer
 * @throws Error when it is malformed, not valid now, not self-signed, without a proof, or of another peer
 */
export async function verifyCertificate(
  certificate: X509Certificate,
  expected: PeerId | undefined,
): Promise<PeerId> {
  const now = Date.now()
  // An invalid time is NaN, which is neither before nor after.
  if (!(Date.parse(certificate.validFrom) <= now)) throw refused('it is not valid yet')
  if (!(Date.parse(certificate.validTo) >= now)) throw refused('it has expired')
  const { issuer, subject, spki, extensions, algorithm } = partsOf(certificate.raw)
  if (!strong.some(one => same(one, algorithm))) throw refused('its signature is of a weak or unknown kind')
  if (!same(issuer, subject) || !certificate.verify(certificate.publicKey))
    throw refused('it is not self-signed')
  const { key, signature } = proofIn(extensions)
  const memberKey = publicKeyFromProtobuf(key)
  const isProven = await memberKey.verify(Buffer.concat([signedBefore, spki]), signature)
  if (!isProven) throw refused('the signature of the member key is wrong')
  const peerId = peerIdFromPublicKey(memberKey)
  if (expected?.equals(peerId) === false) throw refused(`it is of ${String(peerId)}, not ${String(expected)}`)
  return peerId
}

interface CertificateParts {
  issuer: Uint8Array
  subject: Uint8Array
  spki: Uint8Array
  extensions: readonly Extension[]
  /** Object identifier of its signature. OpenSSL rejects a certificate whose signed part names another algorithm. */
  algorithm: Uint8Array
}

interface Extension {
  oid: Uint8Array
  isCritical: boolean
  value: Uint8Array
}

function partsOf(raw: Uint8Array): CertificateParts {
  const [contents, signedWith] = readElements(contentOf(tags.sequence, raw))
  const [algorithm] = readElements(expectTag(tags.sequence, signedWith))
  expectTag(tags.oid, algorithm)
  const [version, , , issuer, , subject, spki, ...more] = readElements(expectTag(tags.sequence, contents))
  expectTag(tags.context(0), version)
  expectTag(tags.sequence, spki)
  const listed = more.find(({ tag }) => tag === tags.context(3))
  const extensions = listed === undefined ? [] : readElements(contentOf(tags.sequence, listed.content))
  return {
    issuer: issuer!.whole,
    subject: subject!.whole,
    spki: spki!.whole,
    extensions: extensions.map(readExtension),
    algorithm: algorithm!.whole,
  }
}

function readExtension(listed: DerElement): Extension {
  const [id, ...rest] = readElements(expectTag(tags.sequence, listed))
  const isCritical = rest[0]?.tag === tags.boolean && rest[0].content[0] !== 0
  expectTag(tags.oid, id)
  return { oid: id!.whole, isCritical, value: expectTag(tags.octetString, rest.at(-1)) }
}

/** The proof by the member's key. Extensions that would restrict it must be known: an unknown critical one refuses it (RFC 5280). */
function proofIn(extensions: readonly Extension[]): { key: Uint8Array; signature: Uint8Array } {
  const [proof, ...more] = extensions.filter(({ oid: id }) => same(id, memberKeyExtension))
  if (proof === undefined || more.length > 0) throw refused('it has not exactly one proof of the member key')
  const known = [memberKeyExtension, ...harmless]
  if (extensions.some(({ oid: id, isCritical }) => isCritical && !known.some(one => same(one, id))))
    throw refused('it has a critical extension that is not known')
  const [key, signature] = readElements(contentOf(tags.sequence, proof.value))
  return { key: expectTag(tags.octetString, key), signature: expectTag(tags.octetString, signature) }
}

const critical = (id: Uint8Array, value: Uint8Array): Uint8Array =>
  element(tags.sequence, id, element(tags.boolean, Uint8Array.of(0xff)), element(tags.octetString, value))

/** Positive, and of the shortest form: its first byte is from 0x40 to 0x7f. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(8)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes
}

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})(?!$)/g, '$1\n')}\n-----END ${label}-----\n`

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const refused = (reason: string): Error => new Error(`Cannot accept the certificate of a peer: ${reason}`)

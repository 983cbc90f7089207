import { MeshError } from '@agent-mesh/protocol'

const half = 32

/**
 * Converts ECDSA signatures of KMS (DER, a sequence of two integers, shortened and with a leading zero if the first bit is set)
 * to the form of JWS (r and s, 32 bytes each, RFC 7518 section 3.4).
 * @throws MeshError internal when it is no such sequence
 */
export function rawSignature(der: Uint8Array): Uint8Array {
  const raw = new Uint8Array(2 * half)
  const body = integerAt(der, 2)
  const rest = body === undefined ? undefined : integerAt(der, body.end)
  const whole = der[0] === 0x30 && der[1] === der.length - 2 && rest?.end === der.length
  if (!whole || body === undefined)
    throw new MeshError(
      'internal',
      `Cannot read signature: ${der.length} bytes are no DER sequence of two integers`,
    )
  raw.set(body.bytes, half - body.bytes.length)
  raw.set(rest.bytes, 2 * half - rest.bytes.length)
  return raw
}

/** An integer of at most 32 bytes, without leading zeros. */
function integerAt(der: Uint8Array, at: number): { bytes: Uint8Array; end: number } | undefined {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  if (der[at] !== 0x02 || length === 0 || length > half + 1 || end > der.length) return undefined
  const bytes = der.subarray(at + 2, end)
  const first = bytes.findIndex(byte => byte !== 0)
  const significant = first === -1 ? bytes.subarray(length) : bytes.subarray(first)
  return significant.length > half ? undefined : { bytes: significant, end }
}

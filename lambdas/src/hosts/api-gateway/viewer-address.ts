/**
 * The sender of a request that a CDN or proxy forwarded to API Gateway. API Gateway sees the proxy's address: all viewers would
 * be one source, and one of them could use up the request limit of new members and members.
 */
import { MeshError } from '@agent-mesh/protocol'
import { createHash, timingSafeEqual } from 'node:crypto'
import { addressIn } from '../address-in.ts'

/** The header that authenticates the proxy: a secret that it adds to each request, and that no viewer knows. */
export const proxySecretHeader = 'mesh-proxy-secret'

export interface ViewerProxy {
  /** The header, lower case, in which the proxy writes the viewer's address: `cloudfront-viewer-address`. */
  addressHeader: string
  /** SHA-256 of the secret in {@link proxySecretHeader}, 64 hexadecimal digits: the settings of a Lambda hold no secret. */
  secretSha256: string
}

/**
 * The proxy of two settings; undefined for neither.
 * @throws MeshError `invalid_argument` for one without the other, and for what is neither header nor hash
 */
export function viewerProxyOf(addressHeader: string, secretSha256: string): ViewerProxy | undefined {
  if (addressHeader === '' && secretSha256 === '') return undefined
  const header = addressHeader.toLowerCase()
  if (!/^[a-z0-9-]{1,64}$/.test(header))
    throw new MeshError(
      'invalid_argument',
      `Cannot read viewers from header '${addressHeader}': it is no header`,
    )
  if (!/^[0-9a-f]{64}$/i.test(secretSha256))
    throw new MeshError(
      'invalid_argument',
      'Cannot trust a proxy: the SHA-256 of its secret is not 64 hex digits',
    )
  return { addressHeader: header, secretSha256: secretSha256.toLowerCase() }
}

/**
 * The viewer's address if the proxy authenticated itself and wrote one address, else that of the connection. A list is not read:
 * in `X-Forwarded-For` API Gateway appends the proxy, and the viewer can write anything before it.
 * @param headers names in any case
 */
export function viewerAddress(
  headers: Readonly<Record<string, string | undefined>>,
  sourceIp: string | undefined,
  proxy: ViewerProxy | undefined,
): string | undefined {
  if (proxy === undefined || !isProven(header(headers, proxySecretHeader), proxy.secretSha256))
    return sourceIp
  return addressIn(header(headers, proxy.addressHeader) ?? '') ?? sourceIp
}

const isProven = (secret: string | undefined, sha256: string): boolean =>
  secret !== undefined &&
  timingSafeEqual(createHash('sha256').update(secret).digest(), Buffer.from(sha256, 'hex'))

const header = (headers: Readonly<Record<string, string | undefined>>, wanted: string): string | undefined =>
  headers[wanted] ?? Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1]

/** Join tokens `amj1.<url>.<meshId>.<secret>`: url and secret base64url; the mesh id pins the mesh. */
import { base64url } from 'multiformats/bases/base64'
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { meshIdField } from './fields.ts'
import { limits } from './limits.ts'

export interface JoinToken {
  /** Control plane URL, http or https, without a trailing slash. */
  url: string
  meshId: string
  /** 32 random bytes; the store keeps only their SHA-256. */
  secret: Uint8Array
}

const secretBytes = 32

/** Writes a join token. @throws MeshError too_large when the URL is too long to be read back */
export function formatJoinToken({ url, meshId, secret }: JoinToken): string {
  const urlPart = base64url.baseEncode(new TextEncoder().encode(url))
  const token = ['amj1', urlPart, meshId, base64url.baseEncode(secret)].join('.')
  if (token.length > limits.joinTokenChars)
    throw new MeshError('too_large', `Cannot write join token: its URL has ${url.length} characters`)
  return token
}

const refuse = (reason: string, cause?: unknown) =>
  new MeshError('token_invalid', `Cannot read join token: ${reason}`, {
    cause,
    hint: 'Copy the whole token as "agent-mesh token create" printed it.',
  })

const decode = (part: string, what: string): Uint8Array => {
  try {
    return base64url.baseDecode(part)
  } catch (cause) {
    throw refuse(`${what} is not base64url`, cause)
  }
}

const readUrl = (part: string): string => {
  try {
    const url = new URL(new TextDecoder('utf-8', { fatal: true }).decode(decode(part, 'url')))
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse(`url scheme is ${url.protocol}`)
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
      throw refuse('url has more than a path')
    return (url.origin + url.pathname).replace(/\/+$/, '')
  } catch (error) {
    throw error instanceof MeshError ? error : refuse('url is not a URL', error)
  }
}

/** Reads a join token. @throws MeshError token_invalid */
export function parseJoinToken(token: string): JoinToken {
  if (token.length > limits.joinTokenChars) throw refuse('too long')
  const parts = token.trim().split('.')
  const [version, url, meshId, secret] = parts
  if (version !== 'amj1') throw refuse('it does not begin with amj1')
  if (parts.length !== 4 || url === undefined || secret === undefined)
    throw refuse(`${parts.length} parts, not 4`)
  const id = z.safeParse(meshIdField, meshId)
  if (!id.success) throw refuse('mesh id is not 52 characters of base32')
  const bytes = decode(secret, 'secret')
  if (bytes.length !== secretBytes) throw refuse(`secret has ${bytes.length} bytes, not ${secretBytes}`)
  return { url: readUrl(url), meshId: id.data, secret: bytes }
}

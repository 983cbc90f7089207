import { createHash, randomBytes } from 'node:crypto'

/** SHA-256 of a token secret, base64url: the store never sees more of it. @param secret base64url of 32 bytes */
export const hashOfSecret = (secret: string): string =>
  createHash('sha256').update(Buffer.from(secret, 'base64url')).digest('base64url')

/** 16 random bytes, base64url: serials and credential ids. */
export const randomId = (): string => randomBytes(16).toString('base64url')

export const randomSecret = (): Uint8Array => new Uint8Array(randomBytes(32))

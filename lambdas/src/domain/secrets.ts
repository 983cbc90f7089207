import { createHash, randomBytes } from 'node:crypto'

/** SHA-256 of a token secret, base64url: the store never sees more of it. @param secret base64url of 32 bytes */
export const hashOfSecret = (secret: string): string =>
  createHash('sha256').update(Buffer.from(secret, 'base64url')).digest('base64url')

/** Ids are arguments of commands, where a leading `-` begins an option. */
const isArgument = (id: string): boolean => !id.startsWith('-')

/** 16 random bytes, base64url: serials and credential ids. */
export const randomId = (): string => drawn(() => randomBytes(16).toString('base64url'), isArgument)

/** Of a join token, whose hash begins with the id of the token. */
export const randomSecret = (): Uint8Array =>
  drawn(
    () => new Uint8Array(randomBytes(32)),
    secret => isArgument(hashOfSecret(Buffer.from(secret).toString('base64url'))),
  )

/** One of 64 is drawn again. */
function drawn<T>(draw: () => T, suits: (drawn: T) => boolean): T {
  for (;;) {
    const found = draw()
    if (suits(found)) return found
  }
}

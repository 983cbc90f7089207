/** An admin context as a file for another machine: URL and id of the mesh, and the admin's key, sealed with a passphrase. */
import { identityOf, type Identity } from '@agent-mesh/agent/identity/identity'
import { MeshError } from '@agent-mesh/protocol/errors'
import { meshIdField } from '@agent-mesh/protocol/fields'
import { parseJson } from '@agent-mesh/protocol/parse'
import { privateJwkSchema } from '@agent-mesh/protocol/private-jwk'
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import * as z from 'zod/mini'

import { urlField } from '../data/context-file.ts'

const bytesField = (bytes: number) => {
  const digits = Math.ceil((bytes * 4) / 3)
  return z
    .string()
    .check(z.regex(new RegExp(`^[\\w-]{${digits}}$`), { error: `is not ${bytes} bytes of base64url` }))
}

/** scrypt (RFC 7914) at 2^17, 8, 1: 128 MiB and about 0.4 s; AES-256-GCM, with what stands in clear text authenticated. */
const cost = { n: 2 ** 17, r: 8, p: 1 } as const

const sealSchema = z.strictObject({
  kdf: z.literal('scrypt'),
  n: z.literal(cost.n),
  r: z.literal(cost.r),
  p: z.literal(cost.p),
  salt: bytesField(16),
  cipher: z.literal('aes-256-gcm'),
  iv: bytesField(12),
})

const exportedSchema = z.strictObject({
  format: z.literal('agent-mesh-context'),
  version: z.literal(1),
  url: urlField,
  meshId: meshIdField,
  /** Absent: the key stands in clear text. */
  seal: z.optional(sealSchema),
  /** Base64url: the private JWK as JSON, sealed or not. */
  key: z.string().check(z.maxLength(1024), z.regex(/^[\w-]+$/, { error: 'is not base64url' })),
})
type Exported = z.output<typeof exportedSchema>

export interface AdminContext {
  url: string
  meshId: string
  identity: Identity
}

export const leastPassphrase = 12

/** The file's text. @param passphrase undefined leaves the key in clear text @throws MeshError invalid_argument for a short one */
export async function exportContext(
  { url, meshId, identity }: AdminContext,
  passphrase: string | undefined,
): Promise<string> {
  const text = Buffer.from(JSON.stringify(identity.privateJwk()))
  const open = { format: 'agent-mesh-context', version: 1, url, meshId } as const
  if (passphrase === undefined) return lines({ ...open, key: text.toString('base64url') })
  if (passphrase.length < leastPassphrase)
    throw new MeshError(
      'invalid_argument',
      `Cannot seal the admin key: the passphrase has fewer than ${leastPassphrase} characters`,
    )
  const [salt, iv] = [randomBytes(16), randomBytes(12)]
  const named = {
    salt: salt.toString('base64url'),
    cipher: 'aes-256-gcm',
    iv: iv.toString('base64url'),
  } as const
  const sealed = { ...open, seal: { kdf: 'scrypt', ...cost, ...named } as const }
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt), iv)
  cipher.setAAD(Buffer.from(JSON.stringify(sealed)))
  const key = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
  return lines({ ...sealed, key: key.toString('base64url') })
}

/** Whether the file needs a passphrase. @throws MeshError invalid_argument when it is no exported context */
export function readExported(text: string, file: string): Exported {
  return parseJson(exportedSchema, text, `read exported context ${file}`)
}

/** @throws MeshError permission_denied for a wrong passphrase or a file that was changed, invalid_argument for a damaged key */
export async function openExported(
  exported: Exported,
  passphrase: string | undefined,
): Promise<AdminContext> {
  const { url, meshId } = exported
  const text =
    exported.seal === undefined
      ? Buffer.from(exported.key, 'base64url')
      : await unsealed(exported, passphrase)
  const jwk = parseJson(privateJwkSchema, text.toString(), 'read the key of the exported context')
  return { url, meshId, identity: await identityOf(jwk) }
}

async function unsealed(exported: Exported, passphrase: string | undefined): Promise<Buffer> {
  const { format, version, url, meshId, seal, key } = exported
  if (seal === undefined || passphrase === undefined)
    throw new MeshError(
      'invalid_argument',
      'Cannot import the context: its key is encrypted with a passphrase',
    )
  const sealed = Buffer.from(key, 'base64url')
  const { kdf, n, r, p, salt, cipher: name, iv } = seal
  const open = { format, version, url, meshId, seal: { kdf, n, r, p, salt, cipher: name, iv } }
  const secret = await keyOf(passphrase, Buffer.from(salt, 'base64url'))
  const decipher = createDecipheriv(name, secret, Buffer.from(iv, 'base64url'), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(JSON.stringify(open)))
  try {
    decipher.setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
  } catch (cause) {
    throw new MeshError(
      'permission_denied',
      'Cannot import the context: the passphrase is wrong, or the file was changed',
      { cause },
    )
  }
}

const keyOf = (passphrase: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const { n: N, r, p } = cost
    const maxmem = 2 * 128 * N * r
    scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })

const lines = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

import * as z from 'zod/mini'
import { credentialField, labelField, nameField } from '../fields.ts'
import { signedHeadSchema } from '../head.ts'

/** `POST /v1/enrol`, signed by the new member's key. Idempotent for the same token and key. */
export const enrolRequest = z.strictObject({
  /** Secret of the join token, 32 bytes base64url. */
  secret: z.string().check(z.regex(/^[\w-]{43}$/, { error: 'is not 32 bytes of base64url' })),
  /** Wanted name; ignored when the token fixes one; `-2`, `-3`… is added when taken. */
  name: z.optional(nameField),
  region: z.optional(labelField),
  /**
   * What it starts as. A token that does not give the role is refused before a use of it is taken. Control planes of 0.1.0
   * and earlier refuse the field: ask again without it.
   */
  role: z.optional(z.enum(['agent', 'relay'])),
  /** Removed from the map after 10 minutes offline, whatever the token says. Refused by control planes of 0.1.0, as `role`. */
  ephemeral: z.optional(z.literal(true)),
})
export type EnrolRequest = z.output<typeof enrolRequest>

/** Reply of enrol and renew. */
export const credentialReply = z.looseObject({ credential: credentialField, head: signedHeadSchema })
export type CredentialReply = z.output<typeof credentialReply>

/** `POST /v1/renew`, signed by the member's key; proves the key, not the old credential. */
export const renewRequest = z.strictObject({})

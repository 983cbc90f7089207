import * as z from 'zod/mini'
import { labelField, millisField, nameField, rolesField, tagsField } from '../fields.ts'
import { limits } from '../limits.ts'

const day = 24 * 3600

const tokenFields = z.strictObject({
  uses: z._default(z.int().check(z.minimum(1), z.maximum(100_000)), 1),
  /** Seconds; at most a year. */
  expiresIn: z._default(z.int().check(z.minimum(1), z.maximum(365 * day)), day),
  roles: z._default(rolesField, ['agent']),
  tags: z._default(tagsField, []),
  region: z.optional(labelField),
  /** Name of the member; only with `uses` 1. */
  name: z.optional(nameField),
  /** Removed after 10 minutes offline instead of 30 days. */
  ephemeral: z._default(z.boolean(), false),
})

/** `POST /v1/tokens`: needs `manage admin:tokens`. */
export const createTokenRequest = tokenFields.check(
  z.refine(({ name, uses }) => name === undefined || uses === 1, {
    error: 'has a name and more than one use',
  }),
  z.refine(({ roles, tags }) => [...roles, ...tags].join().length <= limits.rolesAndTagsChars, {
    error: `has roles and tags of over ${limits.rolesAndTagsChars} characters together`,
  }),
)
export type CreateTokenRequest = z.input<typeof createTokenRequest>

export const tokenViewSchema = z.looseObject({
  /** First 16 characters of the secret's hash. */
  id: z.string().check(z.regex(/^[\w-]{16}$/)),
  uses: z.int().check(z.positive()),
  left: z.int().check(z.nonnegative()),
  createdAt: millisField,
  expiresAt: millisField,
  revoked: z.boolean(),
  roles: rolesField,
  tags: tagsField,
  region: z.optional(labelField),
  name: z.optional(nameField),
  ephemeral: z.boolean(),
})
export type TokenView = z.output<typeof tokenViewSchema>

/** The only time the token itself is told. */
export const createTokenReply = z.looseObject({
  token: z.string().check(z.maxLength(limits.joinTokenChars)),
  view: tokenViewSchema,
})
export const tokensReply = z.looseObject({
  tokens: z.array(tokenViewSchema),
  next: z.optional(z.string().check(z.maxLength(256))),
})

import * as z from 'zod/mini'
import { fieldForms } from '../field-forms.ts'
import { labelField, millisField, nameField, rolesField, tagsField } from '../fields.ts'
import { limits } from '../limits.ts'

const day = 24 * 3600

/** For a token that only its expiry limits, as one of ephemeral members may be. */
export const unlimitedUses = Number.MAX_SAFE_INTEGER

/** One line without control characters. */
const noteField = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(limits.noteChars),
    z.regex(/^\P{C}+$/u, { error: 'has a line break or another control character' }),
  )

const tokenFields = z.strictObject({
  /** @default 1; no limit for ephemeral members */
  uses: z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
  /** Seconds; at most a year. */
  expiresIn: z._default(z.int().check(z.minimum(1), z.maximum(365 * day)), day),
  roles: z._default(rolesField, ['agent']),
  tags: z._default(tagsField, []),
  region: z.optional(labelField),
  /** Name of the member; only with `uses` 1. */
  name: z.optional(nameField),
  /** Removed after 10 minutes offline instead of 30 days. */
  ephemeral: z._default(z.boolean(), false),
  /** What it is for. Control planes of 0.1.0 and earlier refuse this and the next. */
  note: z.optional(noteField),
  /** The name is taken from its holder when the token is redeemed: that membership ends. Only with `name`. */
  replace: z.optional(z.boolean()),
})

/** Number of members that may join with a token of such a request. */
export const usesOf = ({ uses, ephemeral }: { uses?: number | undefined; ephemeral: boolean }): number =>
  uses ?? (ephemeral ? unlimitedUses : 1)

/** `POST /v1/tokens`: needs `manage admin:tokens`. */
export const createTokenRequest = tokenFields.check(
  z.refine(request => request.name === undefined || usesOf(request) === 1, {
    error: 'has a name and more than one use',
  }),
  z.refine(({ name, replace }) => replace !== true || name !== undefined, {
    error: 'replaces a member and has no name',
  }),
  z.refine(({ roles, tags }) => [...roles, ...tags].join().length <= limits.rolesAndTagsChars, {
    error: `has roles and tags of over ${limits.rolesAndTagsChars} characters together`,
  }),
)
export type CreateTokenRequest = z.input<typeof createTokenRequest>

/** First 16 characters of the secret's hash. */
export const tokenIdField = z
  .string()
  .check(z.regex(fieldForms.tokenId.pattern, { error: fieldForms.tokenId.not }))

export const tokenViewSchema = z.looseObject({
  id: tokenIdField,
  /** {@link unlimitedUses}: no limit. */
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
  note: z.optional(z.string()),
  replace: z.optional(z.boolean()),
  /** Serial of the membership that ended when it was redeemed. */
  replaced: z.optional(z.string()),
})
export type TokenView = z.output<typeof tokenViewSchema>

/** The only reply with the token itself. */
export const createTokenReply = z.looseObject({
  token: z.string().check(z.maxLength(limits.joinTokenChars)),
  view: tokenViewSchema,
})
export const tokensReply = z.looseObject({
  tokens: z.array(tokenViewSchema),
  next: z.optional(z.string().check(z.maxLength(256))),
})

/** Reading and writing the policy. */
import * as z from 'zod/mini'
import { documentField, nameField, peerIdField } from '../fields.ts'
import { actions, policySchema } from '../policy.ts'

const numberField = z.int().check(z.nonnegative())

/** `GET /v1/policy` */
export const policyReply = z.looseObject({ number: z.int(), policy: policySchema, document: documentField })

/** `PUT /v1/policy`: needs `manage admin:policy`. */
export const writePolicyRequest = z.strictObject({
  policy: policySchema,
  /** Number of the policy that this one replaces: a write of another admin in between is a conflict. */
  expected: numberField,
  /** Writes it even if no known member could change it again. */
  force: z._default(z.boolean(), false),
})
export type WritePolicyRequest = z.input<typeof writePolicyRequest>

const permissions = z.array(z.looseObject({ action: z.enum(actions), target: z.string() }))

/** What changes for one member. */
const memberChangeSchema = z.looseObject({
  peerId: peerIdField,
  name: nameField,
  gained: permissions,
  lost: permissions,
})
export type MemberPolicyChange = z.output<typeof memberChangeSchema>

/** The number in force afterwards; with `dryRun=true` nothing is written, and the reply lists what would change for which member. */
export const writePolicyReply = z.looseObject({
  number: numberField,
  written: z.boolean(),
  /** Of a dry run, in order of name: the first ones of `changed` members. */
  changes: z.optional(z.array(memberChangeSchema)),
  /** Members for whom something would change, of `members`. */
  changed: z.optional(numberField),
  members: z.optional(numberField),
})
export type WritePolicyReply = z.output<typeof writePolicyReply>

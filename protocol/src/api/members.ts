import * as z from 'zod/mini'
import { credentialField, millisField, nameField, peerIdField, recordField } from '../fields.ts'

/** A member as the control plane knows it. */
export const memberViewSchema = z.looseObject({
  peerId: peerIdField,
  name: nameField,
  record: recordField,
  credential: credentialField,
  /** Lease of its home relay alive. */
  online: z.boolean(),
  /** Relay that attests its presence. */
  at: z.optional(peerIdField),
})
export type MemberView = z.output<typeof memberViewSchema>

/** `PUT /v1/members/self` */
export const publishRequest = z.strictObject({ record: recordField })
/** Its reply. A lower incarnation answers `conflict` with details {incarnation}. */
export const publishReply = z.looseObject({ incarnation: millisField })

/** `GET /v1/members` */
export const membersReply = z.looseObject({
  members: z.array(memberViewSchema).check(z.maxLength(1000)),
  /** Pass as `cursor` for the next page; absent at the end. */
  next: z.optional(z.string().check(z.maxLength(256))),
})

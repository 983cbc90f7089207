/** Memberships as admins see and change them: enrolled members, in the map or not. */
import * as z from 'zod/mini'
import {
  labelField,
  millisField,
  nameField,
  peerIdField,
  rolesField,
  serialField,
  serviceRefField,
  tagsField,
} from '../fields.ts'
import { tokenIdField } from './tokens.ts'

/** A member by its enrolment. */
export const membershipSchema = z.looseObject({
  peerId: peerIdField,
  serial: serialField,
  name: nameField,
  roles: rolesField,
  tags: tagsField,
  region: z.optional(labelField),
  ephemeral: z.boolean(),
  /** Unix milliseconds. */
  joinedAt: millisField,
  /** The token that it joined with. */
  token: tokenIdField,
  /** Of the last credential issued, unix milliseconds. */
  credentialExpires: millisField,
  /** Unix milliseconds. */
  revokedAt: z.optional(millisField),
  /** It has a record in the map. Admins have none, nor have members that were offline for 30 days. */
  listed: z.boolean(),
  /** Lease of its home relay alive. */
  online: z.boolean(),
  /** Relay that attests its presence. */
  at: z.optional(peerIdField),
  /** `name@version` of its record. */
  services: z.array(serviceRefField),
})
export type Membership = z.output<typeof membershipSchema>

/** `GET /v1/memberships` */
export const membershipsReply = z.looseObject({
  members: z.array(membershipSchema).check(z.maxLength(1000)),
  /** Pass as `cursor` for the next page; absent at the end. A page may be empty and not the last. */
  next: z.optional(z.string().check(z.maxLength(256))),
  /** Whether the database is paid for each member that is read; absent: it may be. */
  billed: z.optional(z.boolean()),
})

export type MembershipsReply = z.output<typeof membershipsReply>

/** `POST /v1/memberships/{who}`: the fields to change; absent ones stay. */
export const amendMembershipRequest = z
  .strictObject({
    name: z.optional(nameField),
    tags: z.optional(tagsField),
    region: z.optional(labelField),
  })
  .check(
    z.refine(request => Object.values(request).some(value => value !== undefined), {
      error: 'changes nothing: name, tags and region are absent',
    }),
  )
export type AmendMembershipRequest = z.output<typeof amendMembershipRequest>

/** `DELETE /v1/memberships/{who}`: the removed member; a repeated request ends with not_found. */
export const removeMembershipReply = z.looseObject({
  peerId: peerIdField,
  name: nameField,
  serial: serialField,
  /** Of the signed list that names the serial. */
  number: z.int(),
})
export type RemoveMembershipReply = z.output<typeof removeMembershipReply>

/** `POST /v1/leave` */
export const leaveRequest = z.strictObject({})

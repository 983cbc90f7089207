/** Revocation of members. */
import * as z from 'zod/mini'
import { documentField, labelField, millisField, nameField, peerIdField, serialField } from '../fields.ts'
import { limits } from '../limits.ts'

/** `POST /v1/revocations`: needs `manage admin:revocations`. By one of the three; a serial names one enrolment. */
export const revokeRequest = z
  .strictObject({
    peerId: z.optional(peerIdField),
    serial: z.optional(serialField),
    name: z.optional(nameField),
  })
  .check(
    z.refine(request => Object.values(request).filter(value => value !== undefined).length === 1, {
      error: 'names none or several of peerId, serial, name',
    }),
  )
export type RevokeRequest = z.output<typeof revokeRequest>

/** The revoked member; a repeated request has the same reply. */
export const revokeReply = z.looseObject({
  peerId: peerIdField,
  name: nameField,
  serial: serialField,
  roles: z.array(labelField),
  /** Unix milliseconds. */
  revokedAt: millisField,
  /** Of the list that says so. */
  number: z.int(),
})
export type RevokeReply = z.output<typeof revokeReply>

/** `GET /v1/revocations`: the signed list, and what it says. */
export const revocationsReply = z.looseObject({
  number: z.int(),
  document: documentField,
  revoked: z.optional(
    z
      .array(z.looseObject({ peerId: peerIdField, at: z.optional(millisField) }))
      .check(z.maxLength(limits.revocations)),
  ),
})

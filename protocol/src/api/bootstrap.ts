import * as z from 'zod/mini'
import { meshIdField, millisField } from '../fields.ts'
import { signedHeadSchema } from '../head.ts'
import { memberViewSchema } from './members.ts'

/** `GET /v1/bootstrap`: open to all; what a new member needs to know of the mesh. Strangers receive only keys and relays of the head. */
export const bootstrapReply = z.looseObject({
  meshId: meshIdField,
  head: signedHeadSchema,
  /** Unix milliseconds. */
  serverTime: millisField,
  /** WebSocket of head and map changes, for relays. */
  watchUrl: z.string().check(z.maxLength(512)),
  /** Healthy members, only for signed requests. */
  members: z.optional(z.array(memberViewSchema).check(z.maxLength(50))),
})
export type BootstrapReply = z.output<typeof bootstrapReply>

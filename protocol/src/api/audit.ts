import * as z from 'zod/mini'
import { auditEntrySchema, auditEventSchema, auditHeadSchema } from '../audit.ts'
import { limits } from '../limits.ts'

/**
 * `GET /v1/audit`: needs `manage admin:audit`. Oldest first; `cursor` is the number of an entry, excluded; `since` unix
 * milliseconds; `last` so many of the newest.
 */
export const auditReply = z.looseObject({
  entries: z.array(auditEntrySchema),
  /** The newest entry there is: remembered, it shows later whether the end was cut off. */
  head: auditHeadSchema,
  /** `audit+jws`: the newest head that the authority signed. Absent until the first one. */
  signed: z.optional(z.string().check(z.maxLength(limits.auditHeadBytes))),
  /** Entries that are durable and not in the chain yet: they are chained soon. Absent when there are none. */
  waiting: z.optional(z.array(auditEventSchema).check(z.maxLength(limits.auditWaiting))),
  /** Absent at the end. */
  next: z.optional(z.string().check(z.regex(/^\d{1,16}$/))),
})
export type AuditReply = z.output<typeof auditReply>

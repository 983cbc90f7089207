import * as z from 'zod/mini'
import { auditEntrySchema, auditHeadSchema } from '../audit.ts'

/**
 * `GET /v1/audit`: needs `manage admin:audit`. Oldest first; `cursor` is the number of an entry, excluded; `since` unix
 * milliseconds; `last` so many of the newest.
 */
export const auditReply = z.looseObject({
  entries: z.array(auditEntrySchema),
  /** The newest entry there is: remembered, it shows later whether the end was cut off. */
  head: auditHeadSchema,
  /** Absent at the end. */
  next: z.optional(z.string().check(z.regex(/^\d{1,16}$/))),
})
export type AuditReply = z.output<typeof auditReply>

import * as z from 'zod/mini'
import { documentField } from '../fields.ts'
import { headNumbersSchema } from '../head.ts'
import { mapPageSchema } from '../map.ts'
import { policySchema } from '../policy.ts'

/** `GET /v1/map`; the numbers tell whether the head is worth fetching. */
export const mapReply = z.extend(mapPageSchema, { numbers: headNumbersSchema })
export type MapReply = z.output<typeof mapReply>

/** `GET /v1/policy` */
export const policyReply = z.looseObject({ number: z.int(), policy: policySchema, document: documentField })
/** `GET /v1/revocations` */
export const revocationsReply = z.looseObject({ number: z.int(), document: documentField })

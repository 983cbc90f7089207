import * as z from 'zod/mini'
import { headNumbersSchema } from '../head.ts'
import { mapPageSchema } from '../map.ts'

/** `GET /v1/map`; the numbers show whether the head has changed. */
export const mapReply = z.extend(mapPageSchema, { numbers: headNumbersSchema })
export type MapReply = z.output<typeof mapReply>

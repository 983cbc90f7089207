/** Why a call went where it went, as the local socket tells it: in the reply of `POST /v1/call`, or in the details of its error. */
import * as z from 'zod/mini'

const millis = z.number()
const member = { peerId: z.string(), name: z.optional(z.string()) }

export const callExplanationSchema = z.looseObject({
  service: z.string(),
  /** ms from start to end. */
  ms: millis,
  tries: z
    .array(
      z.looseObject({
        ...member,
        path: z.optional(z.string()),
        /** ms from the start of the call until this member was chosen. */
        chosenMs: millis,
        /** ms until there was a link to it. */
        connectMs: z.optional(millis),
        /** ms from there to its answer. */
        answerMs: z.optional(millis),
        /** Asked beside the try before it: `hedge` or `silent path`. */
        beside: z.optional(z.string()),
        /** `ok`, or the code of the error; absent: it did not end before the call did. */
        code: z.optional(z.string()),
        message: z.optional(z.string()),
        /** The one that was asked, then the others and why they were not. */
        candidates: z
          .array(
            z.looseObject({
              ...member,
              score: z.number(),
              inFlight: z.number(),
              /** The score is of a round trip that was estimated: no answer came yet. */
              estimated: z.optional(z.boolean()),
              rejected: z.optional(z.string()),
            }),
          )
          .check(z.maxLength(64)),
      }),
    )
    .check(z.maxLength(64)),
})

export type CallExplanation = z.output<typeof callExplanationSchema>

/** The paths from one member to another, with reasons: what `agent-mesh path` shows and `host.path` answers. */
import * as z from 'zod/mini'

const millis = z.number().check(z.nonnegative())
const pathField = z.enum(['direct', 'webrtc', 'relay'])

export const pathLinkSchema = z.looseObject({
  path: pathField,
  /** `retiring`: what runs on it finishes, new work takes another; `suspect`: its peer is silent. */
  state: z.enum(['up', 'retiring', 'suspect']),
  /** Peer id of the relay it goes through. */
  relay: z.optional(z.string()),
  /** Absent: the member has no record of it. */
  relayName: z.optional(z.string()),
  remoteAddr: z.string(),
  dialledBy: z.enum(['us', 'them']),
  /** Since it was opened. */
  ageMs: millis,
  rttMs: z.optional(millis),
  bytesSent: z.optional(millis),
  bytesReceived: z.optional(millis),
})

export const pathReportSchema = z.looseObject({
  from: z.string(),
  to: z.string(),
  toName: z.optional(z.string()),
  /** The path that new calls take; absent: the next call dials. */
  path: z.optional(pathField),
  /** Best first. */
  links: z.array(pathLinkSchema).check(z.maxLength(64)),
  /** What the last dial tried, in order of the outcomes; without an error it brought a link. */
  tried: z
    .array(
      z.looseObject({
        /** An address, or `relay PEERID`. */
        name: z.string(),
        relayName: z.optional(z.string()),
        at: millis,
        error: z.optional(z.string()),
      }),
    )
    .check(z.maxLength(64)),
  /** The search for a better path in the background. */
  upgrade: z.optional(
    z.looseObject({
      attempts: z.int().check(z.nonnegative()),
      result: z.optional(z.string()),
      /** Why each way failed. */
      reason: z.optional(z.string()),
    }),
  ),
})
export type PathReport = z.output<typeof pathReportSchema>

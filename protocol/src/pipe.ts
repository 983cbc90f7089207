/**
 * Pipe: raw bytes between two members, `/agent-mesh/pipe/1.0.0`, one stream for one pipe. Each side sends one JSON message behind a
 * 4-byte big-endian length, then bytes: the request, and when the callee has opened what was asked for, the answer. The end of a
 * stream's writing side is the end of those bytes; a reset is a reset.
 *
 *   to: port:NAME         bytes both ways with an exposed port
 *   to: body:TICKET       the callee sends a body that a frame names by its ticket: see body-reference.ts
 *   to: transfer:TICKET   the callee sends blocks of what it offers: see transfer.ts
 */
import * as z from 'zod/mini'
import { fieldForms } from './field-forms.ts'
import { fieldBytes } from './wire/request-fields.ts'

export const pipeProtocol = '/agent-mesh/pipe/1.0.0'

export const pipeLimits = {
  /** One request or answer: a message and a hint of 1,000 characters each, in any script. */
  messageBytes: 8 * 1024,
  /** Pipes of one link, and of one process, that are open at the same time at the callee. */
  perLink: 256,
  perProcess: 1_024,
  textChars: 1_000,
} as const

/** The name under which a member exposes a port: `ssh`, `grafana.web`. */
export const portNameField = z
  .string()
  .check(z.regex(fieldForms.portName.pattern, { error: fieldForms.portName.not }))

/** `port:ssh`: what the policy knows it by. */
const portTarget = z
  .string()
  .check(z.refine(to => to.startsWith('port:') && fieldForms.portName.pattern.test(to.slice(5))))

/** 16 random bytes in base64url. It is good for the one member that it was issued to. */
export const ticketField = z.string().check(z.regex(/^[A-Za-z0-9_-]{22}$/))

const ticketTarget = z.string().check(z.regex(/^(body|transfer):[A-Za-z0-9_-]{22}$/))

/** Hexadecimal SHA-256. */
export const digestField = z.string().check(z.regex(/^[0-9a-f]{64}$/))

export const pipeRequestSchema = z.looseObject({
  to: z.union([portTarget, ticketTarget]),
  /** Of a transfer: blocks that the caller has, and their chain. */
  from: z.optional(z.int().check(z.gte(0))),
  chain: z.optional(digestField),
  /** Program that asks through the caller, in its word: for audit, never for policy. */
  app: z.catch(z.optional(z.string().check(z.minLength(1), z.maxLength(fieldBytes.app))), undefined),
  /** W3C trace context of the caller; what is none is left out. */
  traceparent: z.catch(
    z.optional(z.string().check(z.regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/))),
    undefined,
  ),
  tracestate: z.catch(z.optional(z.string().check(z.maxLength(256))), undefined),
})
export type PipeRequest = z.output<typeof pipeRequestSchema>

const text = z.string().check(z.maxLength(pipeLimits.textChars))

export const pipeAnswerSchema = z.union([
  z.looseObject({ ok: z.literal(true) }),
  z.looseObject({
    error: z.looseObject({
      code: z.string().check(z.maxLength(63)),
      message: text,
      hint: z.optional(text),
    }),
  }),
])
export type PipeAnswer = z.output<typeof pipeAnswerSchema>

/**
 * Ports on the local socket. `POST /v1/expose` and `POST /v1/unexpose` take JSON and answer it; `GET /v1/ports` lists what is exposed.
 *
 * `POST /v1/open` makes an address that opens a port of a member in one browser of this machine, once; `POST /v1/open/close` signs out the
 * browsers that opened one.
 *
 * `GET /v1/connect?peer=web-1&port=ssh` with `Upgrade: agent-mesh-pipe` opens a port of a member. After status 101 each
 * side sends bytes in pieces behind their length (4 bytes, big-endian); length 0 ends its direction. A connection that ends without it was
 * reset. A refusal is a reply with problem details.
 */
import * as z from 'zod/mini'
import { selectorField } from './policy.ts'
import { portNameField, ticketField } from './pipe.ts'

/** What the connection is upgraded to. */
export const localPipeUpgrade = 'agent-mesh-pipe'

const someText = z.string().check(z.minLength(1))
export const localConnectQuery = z.object({ peer: someText, port: z.string() })
/** `GET /v1/receive?from=ID&ticket=T`: a fresh stream to the sender of an offer, for the protocol of transfers. */
export const localReceiveQuery = z.object({
  from: z.string().check(z.minLength(1), z.maxLength(128)),
  ticket: ticketField,
})
/** `GET /v1/send?peer=web-1&bytes=N`: offers a file of the command to a member: cli/src/files/pulled-source.ts. */
export const localSendQuery = z.object({ peer: someText, bytes: z.string().check(z.regex(/^\d{1,15}$/)) })

const hostField = z.string().check(z.regex(/^[A-Za-z0-9._:%-]{1,253}$/, { error: 'is not a host' }))
const tcpPort = z.int().check(z.minimum(1), z.maximum(65_535))

export const localPort = z.strictObject({
  name: portNameField,
  /** Bytes as they are, or HTTP requests that say who sent them. */
  kind: z.enum(['tcp', 'http']),
  /** Where its bytes go, as seen from this machine. */
  host: hostField,
  port: tcpPort,
  /** Members for whom the owner of this machine opens it; absent: all that the policy allows. */
  allow: z.optional(z.array(selectorField).check(z.minLength(1), z.maxLength(32))),
})
export type LocalPort = z.output<typeof localPort>

/** Ports of one member; the file in which it keeps them has the same form. */
export const localPortsReply = z.looseObject({ ports: z.array(localPort).check(z.maxLength(64)) })

export const localUnexposeRequest = z.strictObject({ name: portNameField })

export const localOpenRequest = z.strictObject({
  /** Name of the member. */
  peer: z.string().check(z.minLength(1), z.maxLength(128)),
  port: portNameField,
})
export type LocalOpenRequest = z.output<typeof localOpenRequest>
export const localOpenReply = z.looseObject({
  url: z.string().check(z.maxLength(1_024), z.regex(/^http:\/\/[!-~]+$/, { error: 'is not an address' })),
})
export type LocalOpenReply = z.output<typeof localOpenReply>

/** A port of a member, as in {@link localOpenRequest}; empty: all. */
export const localCloseRequest = z.partial(localOpenRequest).check(
  z.refine(({ peer, port }) => (peer === undefined) === (port === undefined), {
    error: 'has peer and port, or neither',
  }),
)
export type LocalCloseRequest = z.output<typeof localCloseRequest>
export const localCloseReply = z.looseObject({
  /** Browsers that were signed in. */
  browsers: z.int().check(z.nonnegative()),
  /** Addresses that were not opened yet. */
  addresses: z.int().check(z.nonnegative()),
})
export type LocalCloseReply = z.output<typeof localCloseReply>

export const localNothing = z.looseObject({})

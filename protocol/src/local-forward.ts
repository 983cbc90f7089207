/**
 * Ports of members on ports of this machine, by the local socket: `POST /v1/forward`, lines of JSON (`application/x-ndjson`) both ways. The
 * agent listens, so that the bytes pass no other process.
 *
 *   client -> process   {"peer", "port", "listen": {"host", "port"}, "network"?}   the first line; the end of the body ends the listener
 *   process -> client   {"listening": {"host", "port"}}    the first line
 *   process -> client   {"failed": {…}}                    a connection that was not carried, as problem details
 *   process -> client   {"error": {…}}                     the last line: why the listener failed, as problem details
 *
 * A refusal is a reply with problem details: `conflict` for a port in use, `unsupported` for an agent in another network namespace. The end
 * of the listener, and of a connection that the client closes, resets what it carries. A reply that ends without an error ends with its process,
 * or because the client ended the body.
 */
import * as z from 'zod/mini'
import { problemSchema } from './api/problem.ts'
import { localOpenRequest } from './local-ports.ts'

/** As the command line takes it: an address, or a name of this machine. Port 0 is any free one. */
const listenField = z.strictObject({
  host: z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,253}$/, { error: 'is not a host' })),
  port: z.int().check(z.minimum(0), z.maximum(65_535)),
})

export const localForwardRequest = z.strictObject({
  ...localOpenRequest.shape,
  listen: listenField,
  /** The network namespace of the client, as Linux names it (`net:[4026531840]`); absent on other systems. */
  network: z.optional(z.string().check(z.regex(/^net:\[\d{1,20}\]$/, { error: 'is not net:[NUMBER]' }))),
})
export type LocalForwardRequest = z.output<typeof localForwardRequest>

const listening = z.looseObject({
  listening: z.looseObject({ host: z.string(), port: z.int().check(z.minimum(1), z.maximum(65_535)) }),
})
const failed = z.looseObject({ failed: problemSchema })
export const localForwardLine = z.union([listening, failed, z.looseObject({ error: problemSchema })])
/** Of a listener that works. */
export type LocalForwardLine = z.output<typeof listening> | z.output<typeof failed>

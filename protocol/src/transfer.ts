/**
 * Transfer: a file or any other bytes from one member to another, in blocks over a pipe, resumed after the loss of a link.
 *
 *   receiver -> sender   {"to": "transfer:TICKET", "from": 0, "chain": "00..."}   blocks that it has, and their chain
 *   sender -> receiver   {"ok": true}
 *   sender -> receiver   u32 length, 32 bytes chain, bytes                        for each block
 *   receiver -> sender   u32 count                                                blocks that it has, after each
 *   sender -> receiver   u32 0, 32 bytes chain                                    all is sent
 *   sender -> receiver   u32 0xffffffff, message {"code", "message"}              it cannot continue
 *
 * The chain after a block is SHA-256(chain before it, block); it begins as 32 zero bytes. So the chain of n blocks proves all of
 * them, whatever link each came over: a receiver that resumes shows the chain of what it has.
 */
import * as z from 'zod/mini'
import { ticketField } from './pipe.ts'

export const transferLimits = {
  /** Bytes of a block; the last one may be shorter. Once lost, a link costs at most one block again. */
  blockBytes: 1024 * 1024,
  chainBytes: 32,
  nameChars: 255,
} as const

/** What a receiver needs to fetch it: sent as a value of a call or of a stream. */
export const transferOfferSchema = z.looseObject({
  /** Peer id of the sender. */
  from: z.string().check(z.minLength(1), z.maxLength(128)),
  ticket: ticketField,
  /** Size, when the sender knows it. */
  bytes: z.optional(z.int().check(z.gte(0))),
  /** A name for people, without folders: never used as a path. */
  name: z.optional(z.string().check(z.maxLength(transferLimits.nameChars))),
})
export type TransferOffer = z.output<typeof transferOfferSchema>

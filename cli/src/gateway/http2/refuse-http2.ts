/**
 * Refuses a connection of HTTP/2 without serving it (RFC 9113): the empty settings with which each server begins, then the end of the
 * connection with its reason. No request of it was begun, so that its client may send each again.
 */
import type { Duplex } from 'node:stream'

import type { MeshError } from '@agent-mesh/protocol/errors'

import { endWith } from '../proxy/last-words.ts'

const frameTypes = { settings: 4, goAway: 7 } as const
const enhanceYourCalm = 11
const headBytes = 9

export function refuseHttp2(socket: Duplex, { message }: MeshError): void {
  endWith(socket, Buffer.concat([frame(frameTypes.settings, Buffer.alloc(0)), goAway(message)]))
}

/** With 0 as the last stream that was begun. */
function goAway(reason: string): Buffer {
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(enhanceYourCalm, 4)
  return frame(frameTypes.goAway, Buffer.concat([ends, Buffer.from(reason)]))
}

/** Of the whole connection: without flags, of stream 0. */
function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  return Buffer.concat([head, payload])
}

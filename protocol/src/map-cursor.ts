/** Map cursor: base64url of JSON {epoch, v[16]}; the last number seen of each of the 16 shards. */
import { base64url } from 'multiformats/bases/base64'
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { parseJson } from './parse.ts'

export const shardCount = 16

export const mapCursorSchema = z.strictObject({
  /** Changes after a restore, which makes all cursors foreign. */
  epoch: z.string().check(z.regex(/^[\w-]{1,32}$/, { error: 'is not an epoch' })),
  v: z.array(z.int().check(z.nonnegative())).check(z.length(shardCount)),
})
export type MapCursor = z.output<typeof mapCursorSchema>

const cursorChars = 512

export const formatMapCursor = (cursor: MapCursor): string =>
  base64url.baseEncode(new TextEncoder().encode(JSON.stringify({ epoch: cursor.epoch, v: cursor.v })))

/** @throws MeshError invalid_argument */
export function parseMapCursor(text: string): MapCursor {
  if (text.length > cursorChars) throw new MeshError('invalid_argument', 'Cannot read map cursor: too long')
  let json: string
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(base64url.baseDecode(text))
  } catch (cause) {
    throw new MeshError('invalid_argument', 'Cannot read map cursor: not base64url', { cause })
  }
  return parseJson(mapCursorSchema, json, 'read map cursor')
}

/** Shard of a member: first 4 bits of SHA-256(peerId). */
export async function shardOf(peerId: string): Promise<number> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(peerId))
  return (new Uint8Array(digest)[0] ?? 0) >> 4
}

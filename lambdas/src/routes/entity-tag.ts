/** `ETag` and `If-None-Match` (RFC 9110): a client that polls gets no body while nothing changed. */
import type { BootstrapReply } from '@agent-mesh/protocol'
import { createHash } from 'node:crypto'
import { headTagMs } from '../defaults.ts'

/** The fields of a reply whose change is a new version; all of them unless listed. */
const substance: Record<string, (reply: never) => unknown> = {
  // The signature of the head is renewed each minute and the time advances: neither is a change.
  '/v1/bootstrap': ({ serverTime, head: { head: _, ...parts }, ...rest }: BootstrapReply) => [
    parts,
    rest,
    Math.floor(serverTime / headTagMs),
  ],
}

/** Weak: replies with the same tag are equivalent and may differ in their bytes. @param path of the route */
export function entityTag(path: string, reply: unknown): string {
  const of = substance[path]?.(reply as never) ?? reply
  return `W/"${createHash('sha256').update(JSON.stringify(of)).digest('base64url').slice(0, 22)}"`
}

/** Whether `If-None-Match` names the tag. */
export const matches = (ifNoneMatch: string, tag: string): boolean =>
  ifNoneMatch === '*' || ifNoneMatch.split(',').some(given => weak(given.trim()) === weak(tag))

const weak = (tag: string): string => tag.replace(/^W\//, '')

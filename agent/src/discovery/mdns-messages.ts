/**
 * What agents of one mesh send each other on a LAN, in DNS records (RFC 6762, 6763):
 *
 *   question  PTR  _amHASH._udp.local                     which members of this mesh are on this LAN?
 *   answer    PTR  _amHASH._udp.local -> INSTANCE._amHASH._udp.local
 *             TXT  INSTANCE._amHASH._udp.local  "id=PEERID" "port=TCPPORT"
 *
 * The tag is a hash of the mesh id: it separates meshes and does not disclose the id. Packets carry no names and no addresses: the
 * address of a peer is the source of its packet. An answer proves nothing: the peer proves its membership when it is dialled.
 */
import { createHash } from 'node:crypto'
import { peerIdField } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { discoveryDefaults } from './defaults.ts'

/** A DNS record as the driver reads and writes it. */
export interface DnsRecord {
  type: string
  name: string
  ttl?: number | undefined
  data?: unknown
}

/** 60 bits of hash; a service name has at most 15 characters (RFC 6335). */
export function mdnsTag(meshId: string): string {
  const hash = createHash('sha256').update(`agent-mesh mdns ${meshId}`).digest('hex')
  return `_am${BigInt(`0x${hash.slice(0, 15)}`)
    .toString(36)
    .padStart(12, '0')}._udp.local`
}

export interface Announcement {
  peerId: string
  /** TCP port it listens on at the address that its packets come from. */
  port: number
}

/** @param instance a random label: not the host name */
export function announcementRecords(
  tag: string,
  instance: string,
  { peerId, port }: Announcement,
): DnsRecord[] {
  const name = `${instance}.${tag}`
  const ttl = discoveryDefaults.mdnsTtlSeconds
  return [
    { type: 'PTR', name: tag, ttl, data: name },
    { type: 'TXT', name, ttl, data: [`id=${peerId}`, `port=${port}`] },
  ]
}

const same = (a: unknown, b: string) => typeof a === 'string' && a.toLowerCase() === b

export const asksFor = (tag: string, questions: readonly { type?: unknown; name?: unknown }[]): boolean =>
  questions
    .slice(0, discoveryDefaults.mdnsRecords)
    .some(({ type, name }) => type === 'PTR' && same(name, tag))

const announcementSchema = z.object({
  peerId: peerIdField,
  port: z.coerce.number().check(z.int(), z.minimum(1), z.maximum(65_535)),
})

/** The members of this mesh that a packet announces; other records are ignored. */
export function announcedIn(tag: string, records: readonly DnsRecord[]): Announcement[] {
  return records.slice(0, discoveryDefaults.mdnsRecords).flatMap(({ type, name, data }) => {
    if (type !== 'TXT' || typeof name !== 'string' || !name.toLowerCase().endsWith(`.${tag}`)) return []
    const texts = (Array.isArray(data) ? data : [data]).slice(0, 8).map(textOf)
    const field = (key: string) => texts.find(text => text.startsWith(`${key}=`))?.slice(key.length + 1)
    const { data: announcement } = z.safeParse(announcementSchema, {
      peerId: field('id'),
      port: field('port'),
    })
    return announcement === undefined ? [] : [announcement]
  })
}

const textOf = (data: unknown): string =>
  typeof data === 'string' ? data : data instanceof Uint8Array ? Buffer.from(data).toString('latin1') : ''

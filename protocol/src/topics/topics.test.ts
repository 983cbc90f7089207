import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { jwkSigner } from '../jws.ts'
import { peerIdOfJwk } from '../peer-id.ts'
import { newPrivateJwk } from '../private-jwk.ts'
import { encodeTopicFrame, TopicFrameReader, type TopicFrame } from './frames.ts'
import { topicMatches } from './names.ts'
import { decodeTopicMessage, encodeTopicMessage, signPublication, verifyPublication } from './publication.ts'

const mesh = 'a'.repeat(52)
const jwk = newPrivateJwk()
const peerId = peerIdOfJwk(jwk)
const claims = { mesh, topic: 'alerts', version: 1, epoch: 1, seq: 1, at: 1 }
const bodies = ['one', 'two'].map(json =>
  encodeTopicMessage({ json: JSON.stringify(json), tail: undefined }, 't'),
)
const signed = async () => signPublication(await jwkSigner(peerId, jwk), claims, bodies)

describe('a publication', () => {
  it('says who published which messages', async () => {
    const publication = await signed()
    const { publisher, claims: read } = await verifyPublication(publication, mesh)
    expect(publisher).toBe(peerId)
    const [one, both] = [read.sizes[0]!, publication.bodies.byteLength]
    expect(decodeTopicMessage(publication.bodies, 0, one)).toBe('one')
    expect(decodeTopicMessage(publication.bodies, one, both)).toBe('two')
    expect(() => decodeTopicMessage(publication.bodies, one, one)).toThrow(/its kind is undefined/)
  })

  it('is refused with other messages, less of them, or in another mesh', async () => {
    const publication = await signed()
    const other = Uint8Array.from(publication.bodies)
    other[2]! ^= 1
    const refused = { code: 'unauthenticated' }
    await expect(verifyPublication({ ...publication, bodies: other }, mesh)).rejects.toMatchObject(refused)
    const less = publication.bodies.subarray(1)
    await expect(verifyPublication({ ...publication, bodies: less }, mesh)).rejects.toMatchObject(refused)
    await expect(verifyPublication(publication, 'b'.repeat(52))).rejects.toMatchObject(refused)
  })

  it('is refused with other messages also where it came for several agents, whatever one made of its own', async () => {
    const publication = await signed()
    const other = Uint8Array.from(publication.bodies)
    other[2]! ^= 1
    for (const bodies of [1, 2, 3].map(() => Uint8Array.from(publication.bodies))) {
      await verifyPublication({ ...publication, bodies }, mesh)
      bodies.set(other)
    }
    const refused = { code: 'unauthenticated' }
    await expect(verifyPublication({ ...publication, bodies: other }, mesh)).rejects.toMatchObject(refused)
    await verifyPublication(publication, mesh)
  })
})

describe('the frames of docs/wire.md', () => {
  const page = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8')
  const message = encodeTopicMessage({ json: '"x"', tail: undefined }, 't')
  const relay = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV'
  const to = { [relay]: { plain: 2, groups: { pagers: 1 } } }
  const shown: [TopicFrame, Uint8Array?][] = [
    [{ type: 'forward-lost', topic: 'alerts', hops: 4, to }],
    [{ type: 'subscribe', id: 1, pattern: 'alerts.*', retained: true }],
    [{ type: 'lost', topic: 'alerts', count: 2, plain: true }],
    [{ type: 'message', jws: 'a.b.c', acks: false, plain: true }, message],
  ]

  it.each(shown)('%j has the bytes that the page shows', (frame, bodies) => {
    const hex = Buffer.concat(encodeTopicFrame(frame, bodies)).toString('hex')
    expect(page).toContain(`${hex.slice(0, 8)} ${hex.slice(8, 16)} ${hex.slice(16)}`)
    const [read] = new TopicFrameReader().push(Buffer.from(hex, 'hex'))
    expect(read).toEqual({ frame, bodies: Buffer.from(bodies ?? []) })
  })
})

describe('topic frames', () => {
  const frame: TopicFrame = { type: 'message', jws: 'a.b.c', acks: false, plain: true, shares: { g: [0, 1] } }

  it('are read however they are cut, and those of a later version are skipped', () => {
    const later = { type: 'later' } as unknown as TopicFrame
    const bytes = Buffer.concat([
      ...encodeTopicFrame(later),
      ...encodeTopicFrame(frame, Uint8Array.of(1, 2, 3)),
      ...encodeTopicFrame({ type: 'unsubscribe', id: 1 }),
    ])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), cuts => {
        const reader = new TopicFrameReader()
        const frames = []
        for (let at = 0, i = 0; at < bytes.length; at += cuts[i++ % cuts.length]!)
          frames.push(...reader.push(Buffer.from(bytes.subarray(at, at + cuts[i % cuts.length]!))))
        expect(frames).toEqual([
          { frame, bodies: Buffer.of(1, 2, 3) },
          { frame: { type: 'unsubscribe', id: 1 }, bodies: Buffer.of() },
        ])
      }),
      { numRuns: 50 },
    )
  })

  it('have messages in memory of their own, apart from what else was received with them', () => {
    const bytes = Buffer.concat([1, 2].flatMap(byte => encodeTopicFrame(frame, Uint8Array.of(byte))))
    const read = new TopicFrameReader().push(bytes)
    bytes.fill(0)
    expect(read.map(({ bodies }) => [...bodies])).toEqual([[1], [2]])
    expect(new Set([bytes, ...read.map(({ bodies }) => bodies)].map(({ buffer }) => buffer)).size).toBe(3)
  })

  it('that are none throw a MeshError alone', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        try {
          new TopicFrameReader().push(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MeshError)
        }
      }),
    )
    const huge = Buffer.alloc(8)
    huge.writeUInt32BE(0xffff_ffff)
    expect(() => new TopicFrameReader().push(huge)).toThrow(/Cannot read topic frame/)
  })
})

it.each([
  ['alerts', 'alerts', true],
  ['alerts', 'alerts.disk', false],
  ['alerts.*', 'alerts.disk', true],
  ['alerts.*', 'alerts', false],
  ['*', 'alerts', true],
  ['*', 'mesh.cache', false],
  ['mes*', 'mesh.cache', false],
  ['mesh.*', 'mesh.cache', true],
  ['mesh.cache', 'mesh.cache', true],
])('%s is a subscription to %s: %s', (wanted, topic, matches) => {
  expect(topicMatches(wanted, topic)).toBe(matches)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fuzzRuns, hostileText } from '../../test/support/hostile-input.ts'
import { refusal } from '../../test/support/refusal.ts'
import vectors from '../vectors/peer-id.json' with { type: 'json' }
import { formatJoinToken, parseJoinToken } from './join-token.ts'
import { formatMapCursor, parseMapCursor } from './map-cursor.ts'
import { peerIdOf, publicKeyOf } from './peer-id.ts'

const meshId = 'sd5mv7vjwfkwngcub5ymael2elvdppk46pwtyryjhqlqokbljoeq'
const secret = new Uint8Array(32).fill(7)
const tokens = ['https://cp.example:8443/mesh', 'http://127.0.0.1:7000'].map(url =>
  formatJoinToken({ url, meshId, secret }),
)
const cursors = [0, 1, 2 ** 53 - 1].map(v =>
  formatMapCursor({ epoch: 'e-1', v: Array.from({ length: 16 }, () => v) }),
)

/** Reads hostile texts: each ends in a MeshError or in a value that `again` finds whole. */
const fuzz = <T>(valid: string[], read: (text: string) => T, again: (value: T, text: string) => void) =>
  fc.assert(
    fc.asyncProperty(hostileText(valid), async text => {
      const answer = await refusal(() => read(text))
      if (answer === 'accepted') again(read(text), text)
      else expect(answer.length).toBeLessThan(400)
    }),
    { numRuns: fuzzRuns },
  )

it('reading a peer id of any text throws nothing but MeshError', () =>
  fuzz(
    vectors.ed25519.map(({ peerId }) => peerId),
    publicKeyOf,
    (key, text) => {
      expect(peerIdOf(key)).toBe(text)
    },
  ))

it('reading a join token of any text throws nothing but MeshError', () =>
  fuzz(tokens, parseJoinToken, token => {
    expect(parseJoinToken(formatJoinToken(token))).toEqual(token)
  }))

it('reading a map cursor of any text throws nothing but MeshError', () =>
  fuzz(cursors, parseMapCursor, cursor => {
    expect(parseMapCursor(formatMapCursor(cursor))).toEqual(cursor)
  }))

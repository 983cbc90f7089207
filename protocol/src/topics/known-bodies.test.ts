import { describe, expect, it } from 'vitest'
import { KnownBodies } from './known-bodies.ts'

const filled = (bytes: number, value: number): Uint8Array => new Uint8Array(bytes).fill(value)

/** Twice, as for two agents of a process. */
function addTwice(known: KnownBodies, hash: string, bytes: Uint8Array): void {
  known.add(hash, bytes)
  known.add(hash, bytes)
}

describe('bytes whose hash was computed', () => {
  it('are known from their second arrival on, and to an agent alone in its process never kept', () => {
    const known = new KnownBodies(4)
    known.add('a', filled(10, 1))
    expect(known.has('a', filled(10, 1))).toBe(false)
    expect(known.bytes).toBe(0)
    known.add('a', filled(10, 1))
    expect(known.has('a', filled(10, 1))).toBe(true)
    expect(known.bytes).toBe(10)
  })

  it('are no others, nor part of them, nor those of another hash', () => {
    const known = new KnownBodies(4)
    addTwice(known, 'a', filled(10, 1))
    expect(known.has('a', filled(10, 2))).toBe(false)
    expect(known.has('a', filled(9, 1))).toBe(false)
    expect(known.has('b', filled(10, 1))).toBe(false)
  })

  it('stay what they were when a program changes the message that it was given', () => {
    const known = new KnownBodies(4)
    const given = filled(10, 1)
    addTwice(known, 'a', given)
    given.fill(2)
    expect(known.has('a', filled(10, 2))).toBe(false)
    expect(known.has('a', filled(10, 1))).toBe(true)
  })

  it('are forgotten for newer ones, beyond a count and beyond 1 MiB', () => {
    const few = new KnownBodies(2)
    for (const hash of ['a', 'b', 'c']) addTwice(few, hash, filled(10, 1))
    expect(['a', 'b', 'c'].map(hash => few.has(hash, filled(10, 1)))).toEqual([false, true, true])
    const many = new KnownBodies(1_000)
    for (let nth = 0; nth < 20; nth++) addTwice(many, `${nth}`, filled(100 * 1024, nth))
    expect(many.bytes).toBe(1_000 * 1024)
    expect(many.has('9', filled(100 * 1024, 9))).toBe(false)
    expect(many.has('10', filled(100 * 1024, 10))).toBe(true)
  })
})

import { expect, it } from 'vitest'

import { GatheredBytes } from './gathered-bytes.ts'

it('gives what was added, in pieces of any size, and begins anew', () => {
  const gathered = new GatheredBytes()
  for (const piece of [[1], [], [2, 3], Array<number>(100).fill(4)]) gathered.add(Uint8Array.from(piece))
  expect(gathered.length).toBe(103)
  const taken = gathered.bytes()
  gathered.add(Uint8Array.of(9))
  expect([...taken]).toEqual([1, 2, 3, ...Array<number>(100).fill(4)])
  expect([...gathered.bytes()]).toEqual([9])
  expect([gathered.length, gathered.text('it')]).toEqual([0, ''])
})

it('reads a character over two pieces, and drops a byte order mark', () => {
  const gathered = new GatheredBytes()
  for (const byte of Buffer.from('\ufeffé')) gathered.add(Uint8Array.of(byte))
  expect(gathered.text('it')).toBe('é')
})

it('refuses text of another encoding, which would become other text', () => {
  const gathered = new GatheredBytes()
  gathered.add(Buffer.from('é', 'latin1'))
  expect(() => gathered.text('standard input')).toThrow('Cannot read standard input: it is not UTF-8')
})

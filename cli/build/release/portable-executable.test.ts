import { expect, test } from 'vitest'

import { dropCertificate, hasCertificate } from './portable-executable.ts'

test('a program of Windows loses its signature, and nothing else', () => {
  const program = Buffer.alloc(1024, 7)
  program.writeUInt32LE(0x80, 0x3c)
  program.write('PE\0\0', 0x80, 'latin1')
  program.writeUInt16LE(0x20b, 0x98)
  const before = Buffer.from(program)
  expect(hasCertificate(program)).toBe(true)
  dropCertificate(program)
  expect(hasCertificate(program)).toBe(false)
  const changed = [...program.keys()].filter(at => program[at] !== before[at])
  // The directory entry: offset and size.
  expect(changed).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map(at => 0x98 + 144 + at))
})

test.each([Buffer.alloc(0), Buffer.alloc(1024), Buffer.alloc(1024, 0xff)])(
  'another file is refused',
  file => {
    expect(() => hasCertificate(file)).toThrow('Cannot read the program')
  },
)

import { describe, expect, it } from 'vitest'

import { createOutput, printable } from './output.ts'
import { renderTable } from './table.ts'
import { duration, shortPeerId } from './units.ts'

describe('a table', () => {
  it('aligns its columns, whatever colour they have', () => {
    const rows = [
      ['\u001b[31mno\u001b[39m', 'x'],
      ['online', 'y'],
    ]
    expect(renderTable(['STATE', 'N'], rows).split('\n')).toEqual([
      'STATE   N',
      '\u001b[31mno\u001b[39m      x',
      'online  y',
    ])
  })

  it('is its header alone when it has no rows', () => {
    expect(renderTable(['A', 'B'], [])).toBe('A  B')
  })

  it('shows what would steer the terminal instead of obeying it', () => {
    const output = createOutput({ json: false, color: false })
    expect(output.table(['A'], [['\u001b]0;title\u0007\u001b[2J\r']])).toBe(
      'A\n\\x1b]0;title\\x07\\x1b[2J\\x0d',
    )
    expect(printable('two\nlines')).toBe('two\nlines')
  })

  it('has no colour unless a terminal looks', () => {
    expect(createOutput({ json: false, color: false }).style('red', 'x')).toBe('x')
    expect(createOutput({ json: false, color: true }).style('red', 'x')).toBe('\u001b[31mx\u001b[39m')
  })
})

describe('units', () => {
  it.each([
    [0.41, '0.4 ms'],
    [12.4, '12 ms'],
    [3_210, '3.2 s'],
    [90_000, '2 min'],
    [5 * 3_600_000, '5 h'],
    [21 * 86_400_000, '21 d'],
  ])('tell %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text))

  it('tell peers apart by the end of their id', () => {
    expect(shortPeerId('12D3KooWT3gYEvLJyx1FyyHqrmvdy1tMjpgxmu9aSeKMEuafQtyC')).toBe('…EuafQtyC')
  })
})

import { describe, expect, it } from 'vitest'

import { createOutput, jsonLines, jsonText } from './output.ts'
import { render } from './text.ts'
import { duration } from './units.ts'

const plain = createOutput({ json: false, color: false })
const coloured = createOutput({ json: false, color: true })

describe('a table', () => {
  it('aligns its columns, whatever colour they have', () => {
    const rows = [
      [coloured.style('red', 'no'), 'x'],
      ['online', 'y'],
    ]
    expect(render(plain.table(['STATE', 'N'], rows)).split('\n')).toEqual([
      'STATE   N',
      '\u001b[31mno\u001b[39m      x',
      'online  y',
    ])
  })

  it('is its header alone when it has no rows', () => {
    expect(render(plain.table(['A', 'B'], []))).toBe('A  B')
  })

  it('has no header line when the titles are empty', () => {
    expect(render(coloured.table(['', ''], [['a', 'b']]))).toBe('a  b')
  })

  it('keeps text of others in its cell: it neither steers, nor conceals, nor forges a row', () => {
    const evil = 'x\nweb-2  yes  {"ok":true}\u001b[8m\u202e'
    const rows = [
      ['evil', evil],
      ['db-1', 'ok'],
    ]
    expect(render(plain.table(['MEMBER', 'RESULT'], rows)).split('\n')).toEqual([
      'MEMBER  RESULT',
      'evil    x\\x0aweb-2  yes  {"ok":true}\\x1b[8m\\u202e',
      'db-1    ok',
    ])
  })

  it('measures a cell as it is shown', () => {
    const rows = [
      ['\u200b', 'x'],
      ['bc', 'y'],
    ]
    expect(render(plain.table(['A', 'B'], rows)).split('\n')).toEqual([
      'A       B',
      '\\u200b  x',
      'bc      y',
    ])
  })

  it('tells long runs of spaces, which would wrap into what looks like a row', () => {
    expect(render(plain.table(['A'], [[`x${' '.repeat(60)}web-2`]]))).toBe('A\nx{60 spaces}web-2')
  })
})

describe('text for people', () => {
  it('has no colour unless a terminal looks', () => {
    expect(plain.style('red', 'x')).toBe('x')
    expect(render(coloured.style('red', 'x'))).toBe('\u001b[31mx\u001b[39m')
  })

  it('is styled around escaped text, also in one style within another', () => {
    const inner = coloured.style('bold', 'b\u001b[0m')
    expect(render(coloured.style('red', `a ${inner}`))).toBe(
      '\u001b[31ma \u001b[1mb\\x1b[0m\u001b[22m\u001b[39m',
    )
  })

  it('has the lines that the command gave it, and no other', () => {
    expect(render(['one', 'two\nthree'])).toBe('one\ntwo\\x0athree')
    expect(render('two\nlines')).toBe('two\\x0alines')
    expect(render(['title', plain.table(['A'], [['b']])])).toBe('title\nA\nb')
  })

  it('does not obey what imitates a mark of the command', () => {
    const forged = coloured.style('red', 'x').replaceAll(/[0-9a-f]{8}-/g, '00000000-')
    expect(render(forged)).not.toContain('\u001b')
  })
})

describe('JSON', () => {
  it('is the same value, and cannot steer a terminal', () => {
    const value = { name: '\u001b[2J\u202e\u0085', list: [1, 'two\nlines'] }
    expect(jsonText(value)).toBe('{"name":"\\u001b[2J\\u202e\\u0085","list":[1,"two\\nlines"]}')
    expect(JSON.parse(jsonText(value))).toEqual(value)
    expect(JSON.parse(render(jsonLines(value)))).toEqual(value)
    expect(jsonLines(value)).toHaveLength(7)
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
})

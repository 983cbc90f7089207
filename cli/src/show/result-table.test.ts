import { describe, expect, it } from 'vitest'

import { createOutput } from './output.ts'
import { resultTable, type Result } from './result-table.ts'
import { render } from './text.ts'

const output = createOutput({ json: false, color: false })
const ok = (name: string, value: unknown): Result => ({ ok: true, peerId: `12D3KooW${name}`, name, value })
const failed: Result = {
  ok: false,
  peerId: '12D3KooWdb-1',
  name: 'db-1',
  error: { code: 'unavailable', message: 'Cannot connect to db-1: it is offline' },
}
const shown = (method: string, results: readonly Result[], fields?: readonly string[]) =>
  render(resultTable(method, results, fields, output)).split('\n')

describe('a table of results', () => {
  it('has a column for each field, nested ones too, and says what failed', () => {
    const results = [
      ok('web-1', { state: 'ok', disk: { free: 3 } }),
      failed,
      ok('web-2', { state: 'old', n: 1 }),
    ]
    expect(shown('shop.state', results)).toEqual([
      'MEMBER  STATE  DISK.FREE  N  ERROR',
      'web-1   ok     3          -',
      'db-1    -      -          -  unavailable: Cannot connect to db-1: it is offline',
      'web-2   old    -          1',
    ])
  })

  it('has the fields that are asked for, whatever they hold', () => {
    const results = [ok('web-1', { list: [1, { a: 'x' }], more: { a: true } })]
    expect(shown('shop.state', results, ['list.1.a', 'more', 'none', 'toString'])).toEqual([
      'MEMBER  LIST.1.A  MORE        NONE  TOSTRING',
      'web-1   x         {"a":true}  -     -',
    ])
  })

  it('has few columns unless told, and one for answers that are no objects', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, index]))
    expect(shown('shop.state', [ok('a', many)])[0]).toBe('MEMBER  F0  F1  F2  F3  F4  F5')
    expect(shown('math.add', [ok('a', 3), ok('b', undefined)])).toEqual([
      'MEMBER  RESULT',
      'a       3',
      'b       -',
    ])
  })

  it('shows what people look for of host.info, in their units', () => {
    const info = {
      hostname: 'a.example',
      os: { platform: 'linux', arch: 'arm64' },
      cpu: { cores: 4, load: [0.512, 0, 0] },
      memory: { free: 3 * 1024 ** 3 },
      uptime: { agent: 7_300 },
      versions: { agent: '1.2.3' },
    }
    expect(shown('host.info', [ok('a', info)])[1]).toBe(
      'a       a.example  linux  arm64  4      0.51  3.0 GiB      -          2 h  1.2.3',
    )
  })

  it('lets no answer steer the terminal or forge a row', () => {
    expect(shown('shop.state', [ok('a', { state: 'x\nb       \u001b[2J' })])).toHaveLength(2)
  })
})

import { describe, expect, it } from 'vitest'

import { createProgram } from '../program.ts'
import { configSchema } from './config-file.ts'
import { readConfigText } from './config-text.ts'

const schema = configSchema(createProgram(false, () => undefined))
const read = (text: string) => readConfigText(text, '/etc/mesh/agent-mesh.yaml', schema)

describe('a configuration file', () => {
  it('gives settings by section and name, as YAML and as JSON', () => {
    const yaml = `
# of one machine
context: staging
proxy: http://proxy.example.com:3128
up:
  region: 1.10
  drain: 20s
  mdns: false
  listen: [/ip4/0.0.0.0/tcp/4002]
  log-level: info
control-plane:
`
    const json = JSON.stringify({
      context: 'staging',
      proxy: 'http://proxy.example.com:3128',
      up: {
        region: '1.10',
        drain: '20s',
        mdns: false,
        listen: ['/ip4/0.0.0.0/tcp/4002'],
        'log-level': 'info',
      },
    })
    for (const text of [yaml, json]) {
      const { values, problems } = read(text)
      expect(problems).toEqual([])
      expect(Object.fromEntries(values)).toEqual({
        context: 'staging',
        proxy: 'http://proxy.example.com:3128',
        'up.region': '1.10',
        'up.drain': '20s',
        'up.mdns': false,
        'up.listen': ['/ip4/0.0.0.0/tcp/4002'],
        'up.log-level': 'info',
      })
    }
  })

  it('may be empty', () => expect(read('# nothing\n')).toMatchObject({ problems: [] }))

  it('names files beside itself, and tokens as they are', () => {
    const { values } = read(
      'data: data\nup: {serve: [math.ts, /x.ts], join: "@token"}\nrelay: {join: amj1.x}',
    )
    expect(Object.fromEntries(values)).toEqual({
      data: '/etc/mesh/data',
      'up.serve': ['/etc/mesh/math.ts', '/x.ts'],
      'up.join': '@/etc/mesh/token',
      'relay.join': 'amj1.x',
    })
  })

  it.each([
    ['up:\n  lgo-level: info', 2, 3, /no setting lgo-level of up; there are .*log-level/],
    ['upp: {}', 1, 1, /no setting upp; there are context, .*up, relay/],
    ['up:\n  drain: 8', 2, 10, /up\.drain is "8": it is not a duration/],
    ['up:\n  drain: [8s]', 2, 10, /it is not one value/],
    ['up:\n  listen: /ip4/0.0.0.0/tcp/1', 2, 11, /it is not a list/],
    ['up:\n  mdns: maybe', 2, 9, /it is neither true nor false/],
    ['up:\n  log-level: loud', 2, 14, /up\.log-level is "loud": allowed choices are debug/],
    ['up:\n  name:', 2, 8, /up\.name has no value/],
    ['up:\n  listen: [[a]]', 2, 11, /up\.listen has no value/],
    ['up: 1', 1, 5, /up has settings of its own/],
    ['- up', 1, 1, /it is a list of settings/],
    ['1: x', 1, 1, /a name is text/],
    ['context: a\ncontext: b', 2, 1, /unique/],
    ['context: "a', 1, 12, /quote/],
    ['context: a\n\tdata: b', 2, 1, /tab/i],
    ['a: &a [x]\ncontext: *a', 2, 10, /alias/],
    ['context: !!js/function x', 1, 10, /tag/],
    ['context: a\n---\ncontext: b', 2, 1, /document/],
    ['control-plane:\n  restored: true', 2, 3, /no setting restored/],
  ])('%j is wrong at %i:%i', (text, line, column, reason) => {
    const { problems } = read(text)
    expect(problems).toContainEqual({ line, column, reason: expect.stringMatching(reason) as string })
  })

  it('is told everything that is wrong with it, without its secrets', () => {
    const { problems } = read('a: 1\nup:\n  b: 2\n  metrics: http://u:secret@x\n')
    expect(problems.map(({ line }) => line)).toEqual([1, 3, 4])
    expect(JSON.stringify(problems)).not.toContain('secret')
  })

  it.each([
    ['nested too deep', `${'['.repeat(100_000)}`],
    ['aliases of aliases', `a: &a [x,x]\n${'bcdefgh'.replace(/./g, '$&: &$& [*a,*a,*a,*a]\n')}`],
    ['keys of a prototype', '__proto__: {polluted: yes}\nconstructor: {prototype: {polluted: yes}}'],
  ])('that is %s is refused', (_, text) => {
    expect(read(text).problems.length).toBeGreaterThan(0)
    expect(({} as Record<string, unknown>)['polluted']).toBe(undefined)
  })
})

import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { transportDefaults } from '../defaults.ts'
import { overRelay, PathHistory, relayIn } from './path-history.ts'

const refused = new MeshError('unavailable', 'Cannot connect: refused')
const [first, second, third] = ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/2', '/ip4/10.0.0.3/tcp/3'] as const

describe('the history of paths', () => {
  it('puts the address that worked last before the others, until it fails', () => {
    const history = new PathHistory(() => 5)
    history.begin('p')
    history.tried('p', first, refused)
    history.tried('p', second, undefined)
    expect(history.bestFirst('p', [first, second, third])).toEqual([second, first, third])
    expect(history.of('p')).toEqual([
      { name: first, at: 5, error: 'Cannot connect: refused' },
      { name: second, at: 5 },
    ])
    history.begin('p')
    expect(history.of('p')).toEqual([])
    history.tried('p', second, refused)
    expect(history.bestFirst('p', [first, second, third])).toEqual([first, second, third])
  })

  it('remembers no relay as a good address, and no address that is listed no more', () => {
    const history = new PathHistory(() => 5)
    history.begin('p')
    history.tried('p', overRelay('R'), undefined)
    history.tried('p', first, undefined)
    expect(history.bestFirst('p', [second])).toEqual([second])
  })

  it('knows the relay of a way over one, and none of an address', () => {
    expect([relayIn(overRelay('R')), relayIn(first)]).toEqual(['R', undefined])
  })

  it('forgets the peers dialled longest ago', () => {
    const history = new PathHistory(() => 5)
    for (let i = 0; i <= transportDefaults.rememberedPeers; i++) {
      history.begin(`p${i}`)
      history.tried(`p${i}`, first, refused)
    }
    expect(history.of('p0')).toEqual([])
    expect(history.of('p1')).toHaveLength(1)
  })
})

import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import type { MemberMetricsInit } from '../observe/member-metrics.ts'
import { memberMetrics } from '../observe/member-metrics.ts'
import { createLogger } from '../observe/logger.ts'
import type { BalancePolicy } from '../services/index.ts'
import { countedHedging, observedBalancer, parseBalancing } from './balancing.ts'

const log = createLogger('test', 'silent')
const head = { current: { numbers: { keys: 1, relays: 1, policy: 1, revocations: 1 }, issuedAt: 0 } }
const init: MemberMetricsInit = { map: { size: 0 }, head, log }

it('options are complete by themselves, and one that is none is refused', () => {
  expect(parseBalancing({})).toMatchObject({
    policy: 'p2c',
    resilience: { breaker: { consecutive: 5, maxEjected: 0.5 }, perCallee: 4_096, hedgeBudget: 0.05 },
  })
  expect(parseBalancing({ resilience: { breaker: { consecutive: 3 } } })).toMatchObject({
    resilience: { breaker: { consecutive: 3, ratio: 0.5 } },
  })
  expect(parseBalancing({ resilience: false }).resilience.breaker).toBe(false)
  expect(() => parseBalancing({ balance: 'best' as BalancePolicy })).toThrow(
    expect.objectContaining({ code: 'invalid_argument', message: 'Cannot start: balance is best' }) as Error,
  )
})

it('metrics count ejections, breakers that are not closed, and hedges, by closed sets', async () => {
  const metrics = memberMetrics(init)
  const balancing = parseBalancing({})
  const service = observedBalancer(balancing, {
    metrics,
    log,
    roundTrips: { to: () => undefined },
  }).balancer.of('math')
  countedHedging(balancing, metrics).ended('won')
  service.choose(
    { good: ['a', 'b'], doubtful: [], offline: [] },
    {},
    { tried: new Set(), last: undefined },
    0,
  )
  for (let i = 0; i < 5; i++) {
    service.provider('a').begin(0)
    service.provider('a').failed(new MeshError('unavailable', 'Cannot'), 0, 0)
  }
  const text = await metrics.registry.metrics()
  expect(text).toContain('agent_mesh_ejections_total{reason="consecutive"} 1')
  expect(text).toContain('agent_mesh_breakers{state="open"} 1')
  expect(text).toContain('agent_mesh_breakers{state="half-open"} 0')
  expect(text).toContain('agent_mesh_hedges_total{result="won"} 1')
})

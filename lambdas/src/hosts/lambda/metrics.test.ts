import { expect, it } from 'vitest'
import { embeddedMetrics } from './metrics.ts'

function recorded() {
  const lines: Record<string, unknown>[] = []
  let now = 1_000
  const metrics = embeddedMetrics(
    'Mesh',
    () => now,
    line => lines.push(JSON.parse(line) as Record<string, unknown>),
  )
  return { metrics, lines, later: (ms: number) => void (now += ms) }
}

it('writes the values of many requests in one line, by the format of CloudWatch', () => {
  const { metrics, lines, later } = recorded()
  metrics.add('RequestMs', 4)
  metrics.add('RequestMs', 6)
  expect(lines).toEqual([])
  later(10_000)
  metrics.add('Requests', 1)
  expect(lines).toEqual([
    {
      _aws: {
        Timestamp: 11_000,
        CloudWatchMetrics: [
          {
            Namespace: 'AgentMesh',
            Dimensions: [['Stack']],
            Metrics: [{ Name: 'RequestMs', Unit: 'Milliseconds' }, { Name: 'Requests' }],
          },
        ],
      },
      Stack: 'Mesh',
      RequestMs: [4, 6],
      Requests: [1],
    },
  ])
})

it('writes no more than a hundred values of a metric in a line', () => {
  const { metrics, lines } = recorded()
  for (let i = 0; i < 250; i++) metrics.add('Requests', 1)
  metrics.flush()
  expect(lines.map(line => (line['Requests'] as number[]).length)).toEqual([100, 100, 50])
})

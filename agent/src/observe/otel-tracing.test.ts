import { expect, test, vi } from 'vitest'
import { Traced } from '../../../test/support/traced.ts'
import { OtelTracing } from './otel-tracing.ts'

test('finds OpenTelemetry that is set up after the first calls', async () => {
  const tracing = new OtelTracing(error => {
    throw error
  })
  expect(tracing.call('math.add')).toBeUndefined()
  const traced = Traced.start()
  try {
    await vi.waitFor(() => expect(tracing.active).toBe(true), 20_000)
    tracing.call('math.add')?.end('ok', {})
    expect(traced.spans.map(({ name }) => name)).toEqual(['math/add'])
  } finally {
    traced.stop()
  }
})

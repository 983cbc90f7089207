import { limits } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'

import { defineService } from '../contract/contract.ts'
import { ServiceRegistry } from './service-registry.ts'

it('serves as many services as a record has room for, and one more in place of another', () => {
  const registry = new ServiceRegistry()
  const serve = (version: number) => {
    const methods = { run: { params: z.unknown(), result: z.unknown() } }
    return registry.serve(defineService({ name: 'math', version, methods }), { run: () => null })
  }
  const [end] = Array.from({ length: limits.services }, (_, i) => serve(i + 1))
  expect(() => serve(1_000)).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error)
  end?.()
  serve(1_000)
  expect(registry.refs).toHaveLength(limits.services)
})

import { defineService } from '@agent-mesh/agent'
import * as z from 'zod/mini'

/** What the agents of these specs serve and call. */
export const math = defineService({
  name: 'math',
  version: 1,
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), idempotent: true },
  },
})

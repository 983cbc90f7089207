/** The service that is called while its agents restart. */
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod/mini'

/** Longest call, ms: the longest that a restart has to wait for. */
export const longestMs = 20_000

const params = z.object({ id: z.string(), ms: z.number().check(z.minimum(0), z.maximum(longestMs)) })

/** Both methods answer the id after `ms`. */
export const work = defineService({
  name: 'work',
  version: 1,
  methods: {
    look: { params, result: z.string(), idempotent: true },
    book: { params, result: z.string() },
  },
})

/** What the agents of the tests serve. */
import { defineService, implementService } from '@agent-mesh/agent'
import * as z from 'zod'

const contract = defineService({
  name: 'work',
  version: 1,
  methods: { look: { params: z.object({ id: z.int() }), result: z.int(), idempotent: true } },
})

export const work = implementService(contract, { look: ({ id }) => id })

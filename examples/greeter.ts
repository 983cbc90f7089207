/**
 * A service that a running agent serves, without a program of its own:
 *   npx agent-mesh up --serve examples/greeter.ts
 *   npx agent-mesh call greeter.hello -f name=Ada
 */
import { defineService, implementService } from '@agent-mesh/agent'
import { hostname } from 'node:os'
import * as z from 'zod'

const greeter = defineService({
  name: 'greeter',
  version: 1,
  methods: {
    hello: {
      about: 'Greets by name.',
      params: z.object({ name: z.string().min(1).max(100) }),
      result: z.object({ text: z.string(), host: z.string() }),
      idempotent: true,
    },
  },
})

export default implementService(greeter, {
  hello: ({ name }) => ({ text: `Hello, ${name}.`, host: hostname() }),
})

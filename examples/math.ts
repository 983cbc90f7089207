/**
 * A service and its caller on one agent. Run it with a join token:
 *   TOKEN=amj1… DATA=./data npx node examples/math.ts
 */
import { createAgent, createLogger, defineService } from '@agent-mesh/agent'
import * as z from 'zod'

const math = defineService({
  name: 'math',
  version: 1,
  methods: {
    add: {
      about: 'Adds two numbers.',
      params: z.object({ a: z.number(), b: z.number() }),
      result: z.number(),
      idempotent: true,
    },
  },
})

const agent = await createAgent({
  data: process.env['DATA'] ?? './data',
  ...(process.env['TOKEN'] === undefined ? {} : { join: process.env['TOKEN'] }),
  log: createLogger('math', 'warn'),
  contracts: [math],
})
agent.serve({ contract: math, handlers: { add: ({ a, b }) => a + b } })
const sum: number = await agent.call('math.add', { a: 1, b: 2 }, { peer: agent.peerId })
console.log(`1 + 2 = ${sum}, says ${agent.name}`)
await agent.stop()

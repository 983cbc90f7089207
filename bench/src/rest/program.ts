/**
 * A program with an agent in it, bundled as its users bundle theirs. Arguments: data folder, member to call. Its one
 * line says after how many ms the agent was there, and after how many its first call was answered.
 */
import { createAgent } from '@agent-mesh/agent'

const [data = '', member = ''] = process.argv.slice(2)
const began = performance.now()
const agent = await createAgent({
  data,
  join: process.env['AGENT_MESH_JOIN'],
  listen: ['/ip4/127.0.0.1/tcp/0'],
})
const start_ms = performance.now() - began
await agent.call('host.info', {}, { peer: member, timeout: 10_000 })
console.log(JSON.stringify({ start_ms, first_call_ms: performance.now() - began }))
await agent.stop()

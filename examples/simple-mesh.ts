/**
 * A network, discovery and messages: three agents find each other and talk.
 *   export TOKEN=$(npx agent-mesh token create --uses 3)
 *   npx node examples/simple-mesh.ts
 */
import { createAgent, defineService, implementService, type Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'

const inbox = defineService({
  name: 'inbox',
  version: 1,
  methods: {
    send: {
      about: 'Leaves a message; says which number it has in the inbox.',
      params: z.object({ text: z.string().max(500) }),
      result: z.number(),
    },
  },
})

const folder = await mkdtemp(join(tmpdir(), 'simple-mesh-'))
const token = process.env['TOKEN']
const agents: Agent[] = []
const messages: Record<string, string[]> = {}

/** Joins the mesh and accepts messages. */
async function enter(name: string): Promise<Agent> {
  const agent = await createAgent({
    ...{ data: join(folder, name), name, listen: ['/ip4/127.0.0.1/tcp/0'], ephemeral: true },
    ...(token !== undefined && { join: token }),
  })
  agents.push(agent)
  const kept: string[] = (messages[name] = [])
  const send = ({ text }: { text: string }, { caller }: { caller: { name: string } }) =>
    kept.push(`${caller.name}: ${text}`)
  agent.serve(implementService(inbox, { send }))
  return agent
}

/** Resolves when `agent` knows that the member `name` is online. */
function online(agent: Agent, name: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const off = agent.on('member', event => {
    if (event.name === name && event.online) resolve()
  })
  if (agent.peers().some(peer => peer.name === name && peer.online)) resolve()
  return promise.finally(off)
}

/** Resolves when `agent` knows so many members that are online and accept messages, itself included. */
function inboxes(agent: Agent, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const off = agent.on('service', ({ service, providers }) => {
    if (service === 'inbox@1' && providers >= count) resolve()
  })
  const known = agent.services().find(({ service }) => service === 'inbox@1')?.providers ?? []
  if (known.filter(({ online }) => online).length >= count) resolve()
  return promise.finally(off)
}

try {
  // Network: each agent has a key of its own; the token lets it in, and the mesh signs its name.
  const ada = await enter('ada')
  const grace = await enter('grace')
  assert.equal(ada.meshId, grace.meshId)
  assert.notEqual(ada.peerId, grace.peerId)

  // Discovery: an agent learns of the others, of those that come later too.
  await online(ada, 'grace')
  const found = [ada, grace].map(agent => online(agent, 'linus'))
  await enter('linus')
  await Promise.all(found)
  await Promise.all([ada, grace].map(agent => inboxes(agent, 3)))
  console.log(
    'ada knows:',
    ada
      .peers()
      .filter(peer => peer.kind === 'agent')
      .map(({ name }) => name)
      .sort(),
  )

  // Messages: to one member by its name, and to all.
  const toGrace = ada.service(inbox).send({ text: 'hello' }, { peer: 'grace' })
  assert.equal(await toGrace, 1)
  assert.deepEqual(messages['grace'], ['ada: hello'])
  const { results } = await grace.callAll('inbox.send', { text: 'good morning' })
  assert.deepEqual(results.map(({ ok, name }) => [name, ok]).sort(), [
    ['ada', true],
    ['grace', true],
    ['linus', true],
  ])
  assert.deepEqual(messages['linus'], ['grace: good morning'])
  const missing = await ada
    .call('inbox.send', { text: 'hello' }, { peer: 'nobody' })
    .catch((error: { code: string }) => error.code)
  assert.equal(missing, 'not_found')
  console.log('all messages arrived:', messages)
} finally {
  await Promise.all(agents.map(agent => agent.stop()))
  await rm(folder, { recursive: true, force: true })
}

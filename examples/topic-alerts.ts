/**
 * Alerts as a topic: one member publishes, screens hear all of it, pagers share the work, and a screen that comes later gets the state.
 *   export TOKEN=$(npx agent-mesh token create --uses 3)
 *   npx node examples/topic-alerts.ts
 */
import { createAgent, defineTopic, type Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'

const diskAlert = defineTopic({
  name: 'alerts.disk',
  message: z.object({ host: z.string(), freeGb: z.int() }),
})
/** Its last value is kept for members that subscribe later. */
const level = defineTopic({ name: 'alerts.level', message: z.enum(['quiet', 'busy']), retain: true })

const folder = await mkdtemp(join(tmpdir(), 'topic-alerts-'))
const token = process.env['TOKEN']
const agents: Agent[] = []
const start = async (name: string): Promise<Agent> => {
  const agent = await createAgent({
    ...{ data: join(folder, name), name, listen: ['/ip4/127.0.0.1/tcp/0'], ephemeral: true },
    ...(token !== undefined && { join: token }),
  })
  agents.push(agent)
  return agent
}

try {
  const [sensor, screen, pager] = [await start('sensor'), await start('screen'), await start('pager')]

  const shown: number[] = []
  await screen.subscribe(diskAlert, { onMessage: ({ value }) => void shown.push(value.freeGb) })
  const paged: Record<string, number[]> = { screen: [], pager: [] }
  for (const agent of [screen, pager])
    await agent.subscribe(diskAlert, {
      group: 'pagers',
      onMessage: ({ value }) => void paged[agent.name]?.push(value.freeGb),
    })

  // Subscriptions are known everywhere a moment later: an acknowledgement says that they are.
  const reached = async () =>
    (await sensor.publish(diskAlert, { host: 'db-1', freeGb: 99 }, { acks: 2, timeout: 500 })).acks
  while ((await reached()) < 2);
  for (const list of [shown, ...Object.values(paged)]) list.length = 0

  for (let freeGb = 9; freeGb >= 0; freeGb--) {
    const { acks } = await sensor.publish(diskAlert, { host: 'db-1', freeGb }, { acks: 2 })
    assert.equal(acks, 2, 'the screen and one of the pagers took it')
  }
  assert.deepEqual(shown, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  assert.deepEqual(Object.values(paged).flat().sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  console.log(`the screen showed ${shown.length} alerts in order; each paged one member`)

  await sensor.publish(level, 'quiet')
  await sensor.publish(level, 'busy')
  for await (const { value, retained } of await pager.subscribe('alerts.level')) {
    if (value !== 'busy') continue
    console.log(`the level is ${String(value)}, published before the subscription: ${retained}`)
    break
  }

  await assert.rejects(sensor.publish(diskAlert, { host: 'db-1', freeGb: 0.5 }), { code: 'invalid_argument' })
  console.log('a message that does not fit its contract is not published')
} finally {
  await Promise.all(agents.map(agent => agent.stop()))
  await rm(folder, { recursive: true, force: true })
}

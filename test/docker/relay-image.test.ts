/** The image of the relay in a real engine: it joins, keeps its identity, and is replaced while calls go through it. */
import { chown, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { countExecutions, writeExecutionsTo } from '../rolling/executions.ts'
import { failuresOf, judgeRun } from '../rolling/judge-run.ts'
import { Load } from '../rolling/load.ts'
import { seeded } from '../rolling/call-plan.ts'
import { RollingMesh } from '../rolling/rolling-mesh.ts'
import { longestMs } from '../rolling/work-contract.ts'
import { freePort } from '../support/free-port.ts'
import { describeEngine, engine, images } from './support/describe-engine.ts'
import { RelayContainer } from './support/relay-container.ts'

/** Longer than the longest call. */
const drainSeconds = longestMs / 1_000 + 5
/** The process ends within 2 s after its drain; the engine and a busy machine add to it. */
const stopMs = (drainSeconds + 10) * 1_000
const user = 1_000

describeEngine('the image of the relay', () => {
  let mesh: RollingMesh
  const relays: RelayContainer[] = []
  const peerIds: string[] = []

  beforeAll(async () => {
    const image = images.relay ?? ''
    mesh = await RollingMesh.start()
    writeExecutionsTo(mesh.file('executions'))
    for (const name of ['relay-1', 'relay-2']) {
      const tokenFile = mesh.file(`${name}.token`)
      await writeFile(tokenFile, await mesh.token('--role', 'relay', '--name', name), { mode: 0o400 })
      await chown(tokenFile, user, user)
      const [container, port] = [`${name}-${process.pid}`, await freePort()]
      relays.push(new RelayContainer({ engine, image, name: container, port, tokenFile, drainSeconds }))
    }
  })

  afterAll(async () => {
    for (const relay of relays) await relay.clear()
    await mesh?.end()
  })

  const [first, second] = [() => relays[0] as RelayContainer, () => relays[1] as RelayContainer]

  it('joins as a user without rights, by a token that is in no argument and no variable', async () => {
    for (const relay of relays) peerIds.push((await relay.start()).peerId)
    expect(new Set(peerIds).size).toBe(2)
    expect(await first().exec('id', '-u')).toBe(String(user))
    expect(await first().inspect('{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}')).toBe('1000:1000 true')
    expect(await first().inspect('{{json .Config}}')).not.toContain('amj1.')
    await expect(first().exec('touch', '/app/x')).rejects.toThrow('Read-only file system')
  })

  it('is healthy for the engine once it runs', async () => {
    await expect.poll(() => first().inspect('{{.State.Health.Status}}'), { timeout: 90_000 }).toBe('healthy')
  })

  it('ends with 0 at SIGTERM, and has the same peer id when it starts again', async () => {
    const { code, ms } = await first().stop()
    expect([code, ms < stopMs]).toEqual([0, true])
    expect((await first().restart()).peerId).toBe(peerIds[0])
  })

  it('is replaced by a new container while calls go through it, and none of them fails', async () => {
    await mesh.addAgents(3)
    const caller = await mesh.caller('relayed', 'relay')
    try {
      await expect
        .poll(() => caller.services().find(({ service }) => service === 'work@1')?.providers.length, {
          timeout: 60_000,
        })
        .toBe(3)
      const load = new Load({ relayed: caller }, seeded(1))
      load.start()
      try {
        for (const [i, relay] of [first(), second()].entries()) {
          const answered = load.records.length
          await expect.poll(() => load.records.length - answered, { timeout: 60_000 }).toBeGreaterThan(200)
          const { code, ms } = await relay.stop()
          expect([code, ms < stopMs]).toEqual([0, true])
          await relay.remove()
          expect((await relay.start()).peerId).toBe(peerIds[i])
        }
      } finally {
        await load.stop()
      }
      expect(failuresOf(load.records)).toEqual([])
      expect(judgeRun(load.records, await countExecutions())).toMatchObject({ failed: 0, doubled: 0 })
    } finally {
      await caller.stop()
    }
  }, 240_000)
})

import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { defaultPolicy, type MeshError, type TransferOffer } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineService, implementService } from '../services/index.ts'
import { defineTopic } from '../topics/contract.ts'
import { createTestMesh, type TestMesh } from './index.ts'

const refusal = (work: Promise<unknown>): Promise<MeshError> =>
  work.then(
    () => expect.fail('it did not fail'),
    (error: MeshError) => error,
  )

const ports = { from: ['role:agent'], to: ['port:*'], allow: ['connect' as const] }
const policy = { ...defaultPolicy, grants: [...defaultPolicy.grants, ports] }

let mesh: TestMesh
beforeEach(() => {
  mesh = createTestMesh({ policy })
})
afterEach(() => mesh.stop())

describe('pipes of a test mesh', () => {
  it('carry bytes both ways with half-close, as far as the policy and the owner allow', async () => {
    mesh.agent('db').expose({
      name: 'upper',
      to: async pipe => void pipe.end((await text(pipe)).toUpperCase()),
      allow: ['name:customer'],
    })
    const customer = mesh.agent('customer')
    const pipe = await customer.connect('db', 'upper')
    pipe.write('half-')
    pipe.end('closed')
    expect(await text(pipe)).toBe('HALF-CLOSED')
    expect(await refusal(customer.connect('db', 'lower'))).toMatchObject({ code: 'not_found' })
    expect(await refusal(mesh.agent('other').connect('db', 'upper'))).toMatchObject({
      code: 'permission_denied',
    })
    mesh.setPolicy(defaultPolicy)
    expect(await refusal(customer.connect('db', 'upper'))).toMatchObject({ code: 'permission_denied' })
  })

  it('make a writer wait for its reader', async () => {
    const served = Promise.withResolvers<Duplex>()
    mesh.agent('db').expose({ name: 'slow', to: pipe => served.resolve(pipe) })
    const pipe = await mesh.agent('customer').connect('db', 'slow')
    const reader = await served.promise
    for (let n = 0; n < 64 && pipe.writableLength < pipe.writableHighWaterMark; n++) {
      pipe.write(Buffer.alloc(16 * 1024))
      await mesh.time.settle()
    }
    expect(pipe.writableNeedDrain).toBe(true)
    reader.resume()
    await once(pipe, 'drain')
  })

  it('take as long as the network does, and end with it', async () => {
    const served = Promise.withResolvers<Duplex>()
    mesh.agent('db').expose({ name: 'echo', to: pipe => served.resolve(pipe) })
    const customer = mesh.agent('customer')
    mesh.delay('customer', 'db', 100)
    const connecting = customer.connect('db', 'echo')
    await mesh.advance(200)
    const [pipe, reader] = [await connecting, await served.promise]
    const heard: string[] = []
    reader.on('data', (bytes: Buffer) => heard.push(bytes.toString()))
    reader.on('error', () => undefined)
    pipe.write('late')
    await mesh.advance(99)
    expect(heard).toEqual([])
    await mesh.advance(1)
    expect(heard).toEqual(['late'])
    mesh.cut('customer', 'db')
    expect(await once(pipe, 'error')).toMatchObject([{ code: 'path_lost' }])
    expect(await refusal(customer.connect('db', 'echo'))).toMatchObject({ code: 'unavailable' })
  })

  it('open within a time of the mesh', async () => {
    mesh.agent('db').expose({ name: 'echo', to: pipe => void pipe.resume() })
    const customer = mesh.agent('customer')
    mesh.delay('customer', 'db', 60_000)
    const late = refusal(customer.connect('db', 'echo', { timeout: 1_000 }))
    await mesh.advance(990)
    await mesh.advance(20)
    const message = 'Cannot connect to port echo of db: no answer in 1000 ms'
    expect(await late).toMatchObject({ code: 'deadline_exceeded', message })
    const given = refusal(customer.connect('db', 'echo', { signal: AbortSignal.abort() }))
    expect(await given).toMatchObject({
      code: 'cancelled',
      message: 'Cannot connect to port echo of db: cancelled',
    })
  })

  it('hold up the stop of their agent for 8 s of the mesh', async () => {
    const db = mesh.agent('db')
    db.expose({ name: 'echo', to: pipe => void pipe.resume() })
    const pipe = await mesh.agent('customer').connect('db', 'echo')
    const broken = once(pipe, 'error')
    let stopped = false
    const stopping = db.stop().then(() => (stopped = true))
    await mesh.advance(7_900)
    expect(stopped).toBe(false)
    await mesh.advance(200)
    await stopping
    expect(await broken).toMatchObject([{ code: 'path_lost' }])
  })
})

describe('large bodies and transfers of a test mesh', () => {
  const copy = defineService({
    name: 'copy',
    version: 1,
    methods: {
      echo: { params: z.instanceof(Uint8Array), result: z.instanceof(Uint8Array) },
      offer: { params: z.string(), result: z.custom<TransferOffer>() },
    },
  })

  it('travel over pipes beside the calls, to other members and to itself', async () => {
    const { agent } = copyServer()
    const bytes = Buffer.alloc(3 * 1024 * 1024, 'mesh')
    expect(bytes.equals(await mesh.agent('customer').service(copy).echo(bytes))).toBe(true)
    expect(bytes.equals(await agent.service(copy).echo(bytes))).toBe(true)
  })

  it('continue after the network failed in the middle', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-test-'))
    try {
      const source = Buffer.alloc(4 * 1024 * 1024 + 5, 'blocks')
      await writeFile(join(folder, 'source'), source)
      copyServer()
      const customer = mesh.agent('customer')
      const offer = await customer.service(copy).offer(join(folder, 'source'))
      const seen: Buffer[] = []
      for await (const block of customer.receive(offer)) {
        seen.push(Buffer.from(block))
        if (seen.length !== 2) continue
        mesh.cut('server', 'customer')
        mesh.mend('server', 'customer')
        void mesh.advance(5_000)
      }
      expect(Buffer.concat(seen).equals(source)).toBe(true)
      expect(
        await customer
          .receive(await customer.service(copy).offer(join(folder, 'source')))
          .saveTo(join(folder, 'copy')),
      ).toBe(source.length)
      expect((await readFile(join(folder, 'copy'))).equals(source)).toBe(true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  function copyServer() {
    const agent = mesh.agent('server')
    agent.serve(
      implementService(copy, { echo: bytes => bytes, offer: (path, context) => context.send(path) }),
    )
    return { agent }
  }
})

describe('topics of a test mesh', () => {
  const alerts = defineTopic({ name: 'alerts.disk', message: z.object({ free: z.number() }) })

  it('reach subscribers, groups once, and those that come later the retained value', async () => {
    const publisher = mesh.agent('sensor')
    const heard: string[] = []
    const listen = async (name: string, group?: string) => {
      const agent = mesh.agent(name)
      const onMessage = ({ value }: { value: unknown }) => void heard.push(`${name} ${JSON.stringify(value)}`)
      await agent.subscribe('alerts.*', { ...(group !== undefined && { group }), onMessage })
    }
    await listen('plain')
    await listen('worker-1', 'workers')
    await listen('worker-2', 'workers')
    await mesh.advance(10)
    const published = await publisher.publish(alerts, { free: 3 }, { acks: 2, retain: true })
    expect(published.acks).toBe(2)
    await mesh.advance(50)
    expect(heard).toHaveLength(2)
    expect(heard).toContain('plain {"free":3}')
    await listen('late')
    await mesh.advance(200)
    expect(heard).toContain('late {"free":3}')
  })

  it('ask the policy at both ends, and tell what a handler threw', async () => {
    const silent = {
      grants: policy.grants.filter(({ to }) => !to.some(target => target.startsWith('topic'))),
    }
    const [publisher, subscriber] = [mesh.agent('sensor'), mesh.agent('screen')]
    const onMessage = () => {
      throw new Error('no such screen')
    }
    await subscriber.subscribe(alerts, { onMessage })
    await mesh.advance(10)
    await publisher.publish(alerts, { free: 1 })
    await mesh.advance(10)
    expect(mesh.listenerFailures).toMatchObject([
      { agent: 'screen', event: 'alerts.disk', thrown: { message: 'no such screen' } },
    ])
    mesh.setPolicy({ ...policy, ...silent })
    expect(await refusal(publisher.publish(alerts, { free: 2 }))).toMatchObject({ code: 'permission_denied' })
    expect(await refusal(subscriber.subscribe(alerts))).toMatchObject({ code: 'permission_denied' })
  })

  it('go on after a link broke, and from a publisher that starts again', async () => {
    const heard: unknown[] = []
    await mesh.agent('screen').subscribe(alerts, { onMessage: ({ value }) => void heard.push(value.free) })
    const sensor = mesh.agent('sensor')
    await mesh.advance(10)
    await sensor.publish(alerts, { free: 1 })
    await mesh.advance(10)
    mesh.cut('sensor', 'screen')
    mesh.mend('sensor', 'screen')
    await mesh.advance(200)
    mesh.kill('sensor')
    await mesh.advance(10_000)
    const again = mesh.agent('sensor')
    await mesh.advance(5_000)
    await again.publish(alerts, { free: 2 })
    await mesh.advance(10)
    expect(heard).toEqual([1, 2])
  })
})

import { defineService, type Agent, type ServiceDefinition } from '@agent-mesh/agent'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

const MiB = 1024 * 1024
const bytes = z.instanceof(Uint8Array)
const blobs = defineService({
  name: 'blobs',
  version: 1,
  methods: {
    mirror: { params: bytes, result: bytes, effects: 'read' },
    hash: { params: bytes, result: z.string(), effects: 'read', largest: 3 * MiB },
    words: { params: z.array(z.string()), result: z.array(z.string()), effects: 'read' },
    make: { params: z.number(), result: bytes },
    small: { params: z.number(), result: bytes, effects: 'read', largest: 2 * MiB },
    count: { params: bytes, yields: z.number(), result: bytes, effects: 'read' },
  },
})

const digest = (of: Uint8Array): string => createHash('sha256').update(of).digest('hex')

const served = {
  contract: blobs,
  handlers: {
    mirror: (given: Uint8Array) => Uint8Array.from(given).reverse(),
    hash: digest,
    words: (given: string[]) => given.toReversed(),
    make: (size: number) => new Uint8Array(size),
    small: (size: number) => new Uint8Array(size),
    async *count(given: Uint8Array) {
      for (let n = 0; n < 3; n++) yield n
      return Promise.resolve(given)
    },
  },
} as unknown as ServiceDefinition

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

async function pair(paths: 'any' | 'relay' = 'any'): Promise<{ caller: Agent; owner: Agent }> {
  if (paths === 'relay') await mesh.relay('relay-1')
  const owner = await mesh.agent({ name: 'owner', paths })
  owner.serve(served)
  const caller = await mesh.agent({ name: 'caller', paths })
  await caller.waitFor(blobs)
  return { caller, owner }
}

describe.each(['any', 'relay'] as const)('a call (paths: %s)', paths => {
  test('carries params and results over 1 MiB, bytes and JSON, beside small ones', async () => {
    const { caller } = await pair(paths)
    const remote = caller.service(blobs)
    const given = randomBytes(5 * MiB + 3)
    const [mirrored, info] = await Promise.all([
      remote.mirror(given),
      caller.call('host.info', {}, { peer: 'owner', timeout: 20_000 }),
    ])
    expect(digest(mirrored)).toBe(digest(Uint8Array.from(given).reverse()))
    expect(info).toBeDefined()
    // Three bytes of UTF-8 each: over the limit, though the text has fewer characters.
    const words = ['ä', '€'.repeat(600_000), 'b']
    expect(await remote.words(words)).toEqual(words.toReversed())
  })
})

describe('a call with a body over 1 MiB', () => {
  test('works at the own services, and for a stream', async () => {
    const { owner, caller } = await pair()
    const given = randomBytes(2 * MiB)
    expect(await owner.service(blobs).hash(given)).toBe(digest(given))
    const stream = caller.service(blobs).count(given)
    const seen: number[] = []
    for await (const n of stream) seen.push(n)
    expect(seen).toEqual([0, 1, 2])
    expect(digest(await stream.result)).toBe(digest(given))
  })

  test('is refused over what its contract says, both ways', async () => {
    const { caller } = await pair()
    const remote = caller.service(blobs)
    expect(await refusal(remote.hash(new Uint8Array(3 * MiB + 1)))).toMatch(/too_large.*3145729.*3145728/s)
    expect(await refusal(remote.small(2 * MiB + 1))).toMatch(/too_large.*2097153.*2097152/s)
    expect((await remote.small(2 * MiB)).length).toBe(2 * MiB)
  })

  test('is denied by the policy', async () => {
    const { caller } = await pair()
    await mesh.letAgentsCall('service:host.*', 'service:blobs.make')
    const remote = caller.service(blobs)
    await vi.waitFor(
      async () => expect(await refusal(remote.mirror(new Uint8Array(1)))).toContain('permission_denied'),
      // Without relays agents ask for it, each 60 s at last where their start took long.
      { timeout: 90_000 },
    )
    expect(await refusal(remote.mirror(new Uint8Array(2 * MiB)))).toContain('permission_denied')
  })

  test('ends with its deadline and its cancel, at both ends', async () => {
    const { caller } = await pair()
    const remote = caller.service(blobs)
    expect(await refusal(remote.mirror(new Uint8Array(30 * MiB), { timeout: 5 }))).toContain(
      'deadline_exceeded',
    )
    const stop = new AbortController()
    const asked = remote.mirror(new Uint8Array(30 * MiB), { signal: stop.signal })
    setImmediate(() => stop.abort())
    expect(await refusal(asked)).toContain('cancelled')
    expect((await remote.make(2 * MiB)).length).toBe(2 * MiB)
  })
})

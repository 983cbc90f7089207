import { defineService, transferOffer, type Agent, type TransferOffer } from '@agent-mesh/agent'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

const MiB = 1024 * 1024
const files = defineService({
  name: 'folder',
  version: 1,
  methods: {
    get: { params: z.string(), result: transferOffer, effects: 'read' },
    tail: { params: z.string(), result: transferOffer },
    put: { params: transferOffer, result: z.number() },
  },
})

const digest = (of: Uint8Array): string => createHash('sha256').update(of).digest('hex')

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

interface Pair {
  caller: Agent
  owner: Agent
  /** Where the owner has its files. */
  folder: string
  /** A file of the owner. */
  file: (name: string, bytes: Uint8Array) => Promise<string>
}

async function pair(paths: 'any' | 'relay' = 'any'): Promise<Pair> {
  if (paths === 'relay') await mesh.relay('relay-1')
  const folder = mesh.data('files')
  await mkdir(folder)
  const owner = await mesh.agent({ name: 'owner', paths })
  owner.serve({
    contract: files,
    handlers: {
      get: (name, context) => context.send(join(folder, name)),
      tail: (name, context) => context.send(createReadStream(join(folder, name)), { name }),
      put: offer => owner.receive(offer).saveTo(join(folder, 'put')),
    },
  })
  const caller = await mesh.agent({ name: 'caller', paths })
  await caller.waitFor(files)
  const file = async (name: string, bytes: Uint8Array) => {
    await writeFile(join(folder, name), bytes)
    return join(folder, name)
  }
  return { caller, owner, folder, file }
}

describe.each(['any', 'relay'] as const)('a transfer (paths: %s)', paths => {
  test('saves a file and a stream of another member as they are, and sends one with a call', async () => {
    const { caller, file, folder } = await pair(paths)
    const bytes = randomBytes(3 * MiB + 17)
    await file('a.bin', bytes)
    const remote = caller.service(files)
    const to = mesh.data('got')
    const transfer = caller.receive(await remote.get('a.bin'))
    expect([transfer.name, transfer.bytes]).toEqual(['a.bin', bytes.length])
    expect(await transfer.saveTo(to)).toBe(bytes.length)
    expect(digest(await readFile(to))).toBe(digest(bytes))
    const streamed: Buffer[] = []
    for await (const block of caller.receive(await remote.tail('a.bin'))) streamed.push(block)
    expect(digest(Buffer.concat(streamed))).toBe(digest(bytes))
    expect(await remote.put(await caller.send('owner', bytes))).toBe(bytes.length)
    expect(digest(await readFile(join(folder, 'put')))).toBe(digest(bytes))
    expect(await readdir(mesh.folder)).not.toContain('.got.mesh-part')
  })
})

describe('a transfer', () => {
  test('of nothing is an empty file', async () => {
    const { caller, file } = await pair()
    await file('empty', new Uint8Array(0))
    expect(await caller.receive(await caller.service(files).get('empty')).saveTo(mesh.data('empty'))).toBe(0)
    expect((await readFile(mesh.data('empty'))).length).toBe(0)
  })

  test('continues a part that an earlier try left, and starts anew where that is of something else', async () => {
    const { caller, file } = await pair()
    const bytes = randomBytes(4 * MiB + 5)
    await file('b.bin', bytes)
    const remote = caller.service(files)
    for (const left of [bytes.subarray(0, 2 * MiB + 9), randomBytes(3 * MiB), randomBytes(9 * MiB)]) {
      await writeFile(mesh.data('.b.mesh-part'), left)
      expect(await caller.receive(await remote.get('b.bin')).saveTo(mesh.data('b'))).toBe(bytes.length)
      expect(digest(await readFile(mesh.data('b')))).toBe(digest(bytes))
    }
  })

  test('says that its source has changed, is gone, or is not for this member', async () => {
    const { caller, owner, file } = await pair()
    const path = await file('c.bin', randomBytes(2 * MiB))
    const remote = caller.service(files)
    const offer = await remote.get('c.bin')
    await appendFile(path, 'more')
    const receive = (given: TransferOffer) =>
      refusal(caller.receive(given, { patienceMs: 0 }).saveTo(mesh.data('c')))
    expect(await receive(offer)).toMatch(/conflict: .*the file has changed/)
    expect(await receive({ ...offer, ticket: 'a'.repeat(22) })).toContain('not_found')
    const forAnother = await owner.send('owner', path)
    expect(await receive(forAnother)).toContain('not_found')
    expect(await refusal(remote.get('none'))).toContain('not_found')
    expect(() => caller.receive({ ...offer, ticket: '../x' })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    )
  })

  test('ends when its reader leaves, and when it is cancelled', async () => {
    const { caller, file } = await pair()
    await file('d.bin', randomBytes(4 * MiB))
    const remote = caller.service(files)
    const offer = await remote.get('d.bin')
    for await (const block of caller.receive(offer)) {
      expect(block.length).toBe(MiB)
      break
    }
    const stop = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const block of caller.receive(offer, { signal: stop.signal })) {
        seen.push(block.length)
        stop.abort()
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' })
    expect(seen).toEqual([MiB])
  })
})

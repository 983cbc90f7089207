import { execFile } from 'node:child_process'
import { renameSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair, type Duplex } from 'node:stream'
import { promisify } from 'node:util'
import { MeshError, transferLimits, type TransferOffer } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ExposedPorts } from '../pipes/exposed-ports.ts'
import { PipeServer } from '../pipes/pipe-server.ts'
import { OutgoingTransfers } from './outgoing-transfers.ts'
import { Transfer } from './transfer.ts'
import type { TransferSource } from './transfer-source.ts'

const block = transferLimits.blockBytes
const me = { sub: 'receiver', name: 'receiver', roles: [], tags: [] }
const bytes = randomBytes(5 * block + 77)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transfers-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A sender, and how its receiver opens pipes to it. */
class Sender {
  readonly transfers = new OutgoingTransfers('sender')
  /** Pipes so far. */
  pipes = 0
  /** Blocks after which each pipe is lost; afterwards none is. */
  lost: number[] = []
  /** Called for each byte that crosses; may change it. */
  onBytes: (chunk: Buffer) => void = () => undefined
  readonly #server = new PipeServer({
    ports: new ExposedPorts(),
    authorize: () => undefined,
    take: (request, caller) => this.transfers.take(request.to.slice('transfer:'.length), request, caller),
  })

  readonly open = (): Promise<Duplex> => {
    this.pipes++
    const [own, served] = duplexPair()
    this.#server.serve(served, me, this)
    const after = this.lost.shift()
    let left = after === undefined ? Infinity : after * block + block / 2
    const push = own.push.bind(own)
    own.push = (chunk: Buffer | null) => {
      if (chunk === null) return push(chunk)
      this.onBytes(chunk)
      left -= chunk.length
      if (left >= 0) return push(chunk)
      own.destroy(new MeshError('path_lost', 'Cannot continue the pipe: its link is gone'))
      return false
    }
    return Promise.resolve(own)
  }

  receive(offer: TransferOffer, patienceMs = 5_000): Transfer {
    return new Transfer(offer, this.open, { patienceMs })
  }
}

async function all(transfer: Transfer): Promise<Buffer> {
  const blocks: Buffer[] = []
  for await (const each of transfer) blocks.push(each)
  return Buffer.concat(blocks)
}

/** What a failed assertion can print. */
const lengthOf = async (transfer: Transfer): Promise<number> => (await all(transfer)).length

async function* inPieces(size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('a transfer', () => {
  const sources: [string, () => TransferSource | Promise<TransferSource>][] = [
    ['bytes', () => bytes],
    ['a stream of odd pieces', () => inPieces(70_001)],
    [
      'a file',
      async () => {
        await writeFile(join(folder, 'source'), bytes)
        return join(folder, 'source')
      },
    ],
  ]
  it.each(sources)('of %s continues over new links with the block it has reached', async (_, source) => {
    const sender = new Sender()
    sender.lost = [2, 0, 1]
    let crossed = 0
    sender.onBytes = chunk => (crossed += chunk.length)
    const offer = await sender.transfers.offer(me.sub, await source())
    expect(Buffer.compare(await all(sender.receive(offer)), bytes)).toBe(0)
    expect(sender.pipes).toBe(4)
    // Each loss costs the block that it cut, and nothing before.
    expect(crossed).toBeLessThan(bytes.length + 3 * (block + 1_024))
    await expect.poll(() => sender.transfers.size).toBe(0)
  })

  it('is a typed error when the source changes between two links', async () => {
    const sender = new Sender()
    const changing = Buffer.from(bytes)
    const offer = await sender.transfers.offer(me.sub, changing)
    sender.lost = [3]
    const seen: number[] = []
    const reading = (async () => {
      for await (const each of sender.receive(offer)) {
        seen.push(each.length)
        // What the receiver has, and what it misses, are changed: neither can pass for what was offered.
        if (seen.length === 3) changing.fill(1)
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'conflict', told: true })
  })

  it('is a typed error when a file is written to, and when it is replaced', async () => {
    const sender = new Sender()
    const path = join(folder, 'changing')
    await writeFile(path, bytes)
    const offer = await sender.transfers.offer(me.sub, path)
    await utimes(path, 1, 1)
    await expect(lengthOf(sender.receive(offer, 0))).rejects.toMatchObject({ code: 'conflict' })
    const again = await sender.transfers.offer(me.sub, path)
    await rm(path)
    await expect(lengthOf(sender.receive(again, 0))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of a stream that fails tells the receiver, and is never taken for complete', async () => {
    const sender = new Sender()
    async function* failing(): AsyncGenerator<Buffer> {
      yield* inPieces(block)
      await Promise.resolve()
      throw new Error('the camera is unplugged')
    }
    const offer = await sender.transfers.offer(me.sub, failing())
    await expect(lengthOf(sender.receive(offer, 0))).rejects.toMatchObject({ code: 'application' })
    await expect(lengthOf(sender.receive(offer, 0))).rejects.toBeInstanceOf(MeshError)
  })

  it('refuses bytes that were changed on their way', async () => {
    const sender = new Sender()
    sender.onBytes = chunk => {
      // Of a block, not of what stands before it.
      if (chunk.length === block) chunk[7] = (chunk[7] ?? 0) ^ 1
    }
    const offer = await sender.transfers.offer(me.sub, Buffer.from(bytes))
    await expect(lengthOf(sender.receive(offer, 0))).rejects.toMatchObject({ code: 'protocol_error' })
  })

  it('reads a stream no faster than its receiver, and ends it when the offer is withdrawn', async () => {
    const sender = new Sender()
    let read = 0
    let ended = false
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          read++
          yield await Promise.resolve(Buffer.alloc(block))
        }
      } finally {
        ended = true
      }
    }
    const offer = await sender.transfers.offer(me.sub, endless())
    const blocks = sender.receive(offer, 0)[Symbol.asyncIterator]()
    for (let n = 0; n < 3; n++) await blocks.next()
    await expect.poll(() => read).toBeGreaterThanOrEqual(3)
    expect(read).toBeLessThan(16)
    sender.transfers.stop()
    await expect(blocks.next().then(() => blocks.next())).rejects.toBeInstanceOf(MeshError)
    await expect.poll(() => ended).toBe(true)
  })

  it('is offered to one member, and withdrawn without a reader', async () => {
    const { transfers } = new Sender()
    const offer = await transfers.offer('another', bytes)
    await expect(transfers.take(offer.ticket, { to: 'transfer:' }, me)).rejects.toMatchObject({
      code: 'not_found',
    })
    await transfers.offer(me.sub, bytes, { idleMs: 1 })
    await expect.poll(() => transfers.size).toBe(1)
    for (const source of [join(folder, 'none'), folder, 7 as unknown as string, '/dev/null'])
      await expect(transfers.offer(me.sub, source)).rejects.toBeInstanceOf(MeshError)
    transfers.stop()
    await expect(transfers.offer(me.sub, bytes)).rejects.toMatchObject({ code: 'going_away' })
  })
})

describe('a saved transfer', () => {
  it('is under its name only when it is complete, and continues what an earlier try left', async () => {
    const sender = new Sender()
    const to = join(folder, 'saved')
    const offer = await sender.transfers.offer(me.sub, bytes)
    sender.lost = [3, 0]
    await expect(sender.receive(offer, -1).saveTo(to)).rejects.toMatchObject({ code: 'path_lost' })
    expect((await readdir(folder)).filter(name => name.includes('saved'))).toEqual(['.saved.mesh-part'])
    sender.lost = []
    let crossed = 0
    sender.onBytes = chunk => (crossed += chunk.length)
    expect(await sender.receive(offer).saveTo(to)).toBe(bytes.length)
    expect(crossed).toBeLessThan(3 * block)
    expect(Buffer.compare(await readFile(to), bytes)).toBe(0)
    expect((await readdir(folder)).filter(name => name.includes('saved'))).toEqual(['saved'])
  })

  it('is mixed with no other file, whatever their names and order', async () => {
    const sender = new Sender()
    const contents = { big: bytes, 'big.part': randomBytes(2 * block + 1), '.big.part': randomBytes(block) }
    const save = async (name: string, content: Buffer) =>
      sender.receive(await sender.transfers.offer(me.sub, content)).saveTo(join(folder, name))
    const mustHaveAll = async () => {
      for (const [name, content] of Object.entries(contents))
        expect(Buffer.compare(await readFile(join(folder, name)), content), name).toBe(0)
    }
    await Promise.all(Object.entries(contents).map(([name, content]) => save(name, content)))
    await mustHaveAll()
    for (const name of Object.keys(contents)) await rm(join(folder, name))
    for (const [name, content] of Object.entries(contents).reverse()) await save(name, content)
    await mustHaveAll()
    await expect(save('.big.mesh-part', bytes)).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('leaves a device, a pipe and a folder as they are', async () => {
    const sender = new Sender()
    const offer = await sender.transfers.offer(me.sub, bytes)
    const pipe = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    for (const to of [pipe, folder])
      await expect(sender.receive(offer).saveTo(to)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect((await stat(pipe)).isFIFO()).toBe(true)
  })

  it('has any name that a file can have, and no other', async () => {
    const sender = new Sender()
    const save = async (name: string) =>
      sender.receive(await sender.transfers.offer(me.sub, bytes)).saveTo(join(folder, name))
    for (const name of ['x'.repeat(255), 'ü'.repeat(127), 'two\nlines'])
      expect(await save(name)).toBe(bytes.length)
    for (const name of ['x'.repeat(256), 'a\0b'])
      await expect(save(name)).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(sender.transfers.offer(me.sub, 'a\0b')).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('leaves nothing of an offer that is used up', async () => {
    const sender = new Sender()
    const offer = await sender.transfers.offer(me.sub, bytes)
    await sender.receive(offer).saveTo(join(folder, 'used'))
    await expect(sender.receive(offer).saveTo(join(folder, 'again'))).rejects.toMatchObject({
      code: 'not_found',
    })
    expect((await readdir(folder)).filter(name => name.includes('again'))).toEqual([])
  })

  it('is no file that took the place of its part meanwhile', async () => {
    const sender = new Sender()
    const to = join(folder, 'raced')
    await writeFile(join(folder, 'foreign'), 'foreign')
    const offer = await sender.transfers.offer(me.sub, bytes)
    let isReplaced = false
    sender.onBytes = chunk => {
      if (isReplaced || chunk.length !== block) return
      isReplaced = true
      renameSync(join(folder, 'foreign'), join(folder, '.raced.mesh-part'))
    }
    await expect(sender.receive(offer).saveTo(to)).rejects.toMatchObject({ code: 'conflict' })
    expect(isReplaced).toBe(true)
    expect(await readdir(folder)).not.toContain('raced')
  })

  it('is saved once at a time', async () => {
    const sender = new Sender()
    const to = join(folder, 'twice')
    const [first, second] = await Promise.all([1, 2].map(() => sender.transfers.offer(me.sub, bytes)))
    const saving = sender.receive(first!).saveTo(to)
    await expect(sender.receive(second!).saveTo(to)).rejects.toMatchObject({ code: 'conflict' })
    expect(await saving).toBe(bytes.length)
    await expect(sender.receive(second!).saveTo(join(folder, 'none', 'x'))).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

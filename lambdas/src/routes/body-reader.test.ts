import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { BodyReader } from './body-reader.ts'

interface Sender {
  request: Request
  send(bytes: number): void
  end(): void
  fail(): void
}

function sender(headers: Record<string, string> = {}): Sender {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({ start: given => void (controller = given) })
  const init = { method: 'POST', body, headers, duplex: 'half' }
  return {
    request: new Request('http://x/', init),
    send: bytes => controller?.enqueue(new Uint8Array(bytes).fill(7)),
    end: () => controller?.close(),
    fail: () => controller?.error(new Error('connection lost')),
  }
}

const code = (code: string) => expect.objectContaining({ code })
const stranger = { most: 4096, byMember: false }
const member = { most: 65_536, byMember: true }

describe('BodyReader', () => {
  test('reads a body of many pieces whole', async () => {
    const { request, send, end } = sender()
    for (let sent = 0; sent < 5_000; sent += 50) send(50)
    end()
    const body = await new BodyReader().read(request, member)
    expect(body).toEqual(new Uint8Array(5_000).fill(7))
  })

  test('refuses what is announced or sent over its limit, and any where none belongs', async () => {
    const reader = new BodyReader()
    await expect(reader.read(sender({ 'content-length': '4097' }).request, stranger)).rejects.toEqual(
      code('too_large'),
    )
    const long = sender()
    long.send(4_097)
    await expect(reader.read(long.request, stranger)).rejects.toEqual(code('too_large'))
    const unwanted = sender()
    unwanted.send(1)
    await expect(reader.read(unwanted.request, { most: 0, byMember: true })).rejects.toEqual(
      code('invalid_argument'),
    )
  })

  const halfOf = (reader: BodyReader) => async (limits: typeof member) => {
    const body = sender()
    body.send(limits.most - 1)
    const over = reader.read(body.request, limits).then(
      () => 'read',
      (error: { code: string }) => error.code,
    )
    // The received part is read, which takes turns of the event loop and no time.
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    return { ...body, over }
  }

  test('bounds the bytes of all bodies, and gets them back whatever ends a body', async () => {
    const half = halfOf(new BodyReader({ all: 64 * 1024, strangers: 8 * 1024 }))
    const large = { ...member, most: 32 * 1024 }
    const [first, second, third] = [
      await half(stranger),
      await half(large),
      await half({ ...member, most: 28 * 1024 }),
    ]
    expect(await (await half(large)).over).toBe('overloaded')
    first.end()
    second.fail()
    third.end()
    expect(await Promise.all([first.over, second.over, third.over])).toEqual([
      'read',
      'invalid_argument',
      'read',
    ])
    const whole = await half(member)
    whole.end()
    expect(await whole.over).toBe('read')
  })

  test('ends the oldest body of a stranger for the next one, and none of a member', async () => {
    const half = halfOf(new BodyReader({ all: 64 * 1024, strangers: 8 * 1024 }))
    const ofMember = await half({ ...member, most: 32 * 1024 })
    const [first, second, third] = [await half(stranger), await half(stranger), await half(stranger)]
    expect(await first.over).toBe('overloaded')
    second.end()
    third.end()
    ofMember.end()
    expect(await Promise.all([second.over, third.over, ofMember.over])).toEqual(['read', 'read', 'read'])
  })

  test('ends a body whose last piece came at the moment that another took its place', async () => {
    const reader = new BodyReader({ all: 64 * 1024, strangers: 4 * 1024 })
    const request = new Request('http://x/', { method: 'POST' })
    const piece = { done: false as const, value: new Uint8Array(3_000) }
    const pieces = () => {
      const asked = [
        Promise.withResolvers<IteratorResult<Uint8Array>>(),
        Promise.withResolvers<IteratorResult<Uint8Array>>(),
      ]
      const waiting = [...asked]
      const body = { [Symbol.asyncIterator]: () => ({ next: () => waiting.shift()!.promise }) }
      return { asked, over: reader.read(request, stranger, body) }
    }
    const [first, second] = [pieces(), pieces()]
    first.asked[0]!.resolve(piece)
    await nextTurn()
    second.asked[0]!.resolve(piece)
    first.asked[1]!.resolve({ done: true, value: undefined })
    await expect(first.over).rejects.toEqual(code('overloaded'))
    second.asked[1]!.resolve({ done: true, value: undefined })
    expect((await second.over).byteLength).toBe(3_000)
  })
})

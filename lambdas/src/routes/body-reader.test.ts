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

  test('bounds the bytes of all bodies, those of strangers at their part, and gets them back whatever ends a body', async () => {
    const reader = new BodyReader({ all: 64 * 1024, strangers: 8 * 1024 })
    const half = async (limits: typeof member) => {
      const body = sender()
      body.send(limits.most - 1)
      const over = reader.read(body.request, limits).then(
        () => 'read',
        (error: { code: string }) => error.code,
      )
      // Read as far as it came, which takes turns of the loop and no time.
      for (let turn = 0; turn < 5; turn++) await nextTurn()
      return { ...body, over }
    }
    const first = await half(stranger)
    const second = await half(stranger)
    expect(await (await half(stranger)).over).toBe('overloaded')
    const members = await half({ ...member, most: 32 * 1024 })
    expect(await (await half({ ...member, most: 32 * 1024 })).over).toBe('overloaded')
    first.end()
    second.fail()
    members.end()
    expect(await Promise.all([first.over, second.over, members.over])).toEqual([
      'read',
      'invalid_argument',
      'read',
    ])
    const whole = await half(member)
    whole.end()
    expect(await whole.over).toBe('read')
  })
})

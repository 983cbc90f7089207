import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { codec, coded } from '../contract/coded.ts'
import { defineService } from '../contract/contract.ts'
import { CachedDocs, docs } from '../testing/cached-docs.ts'

let mesh: CachedDocs
afterEach(() => mesh.stop())

const many = (count: number) => Array.from({ length: count })
const asked = (count: number) => vi.waitFor(() => expect(mesh.asked).toHaveLength(count), 30_000)
const code = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    (error: MeshError) => error.code,
  )

describe('a method with a cache', () => {
  it('is asked once while its answer is fresh, and each caller has a value of its own', async () => {
    mesh = new CachedDocs()
    const first = await mesh.get('x')
    first.text = 'changed'
    expect(await mesh.get('x')).toEqual({ text: 'x 1', by: 'a', n: 1 })
    expect(mesh.asked).toHaveLength(1)
    expect(mesh.results).toEqual(['miss', 'hit'])
  })

  it('has one answer for params in any order, and another for other params, methods and members', async () => {
    mesh = new CachedDocs(['a', 'b'])
    const { caller } = mesh
    await caller.call('docs.get', { id: 'x', part: 1 })
    await caller.call('docs.get', { part: 1, id: 'x' })
    expect(mesh.asked).toHaveLength(1)
    await caller.call('docs.get', { id: 'x', part: 2 })
    await caller.call('docs.bytes', { id: 'x', part: 1 })
    expect((await caller.call('docs.get', { id: 'x', part: 1 }, { peer: 'b' })).by).toBe('b')
    expect((await caller.call('docs.get', { id: 'x', part: 1 }, { peer: 'a' })).by).toBe('a')
    expect(mesh.asked).toHaveLength(5)
  })

  it('keeps an answer for its time, however often it is read', async () => {
    mesh = new CachedDocs()
    await mesh.get('x')
    for (const _ of many(9)) {
      mesh.pass(100)
      expect(await mesh.text('x')).toBe('x 1')
    }
    mesh.pass(5_000)
    expect(await mesh.text('x')).toBe('x 2')
  })

  it('gives a stale answer at once while one call fetches the next', async () => {
    mesh = new CachedDocs()
    await mesh.get('x')
    mesh.pass(1_500)
    mesh.atOnce = false
    expect(await Promise.all(many(10).map(() => mesh.text('x')))).toEqual(many(10).fill('x 1'))
    await asked(2)
    mesh.asked[1]!.answer('next')
    await vi.waitFor(async () => expect(await mesh.text('x')).toBe('next'), 30_000)
    expect(mesh.asked).toHaveLength(2)
    expect(mesh.results).toContain('stale')
  })

  it('gives the stale answer on while members fail, and no more once one denies it', async () => {
    mesh = new CachedDocs()
    await mesh.get('x')
    mesh.pass(1_500)
    mesh.atOnce = false
    await mesh.get('x')
    await asked(2)
    mesh.asked[1]!.fail(new Error('the disk is full'))
    await vi.waitFor(async () => {
      expect(await mesh.text('x')).toBe('x 1')
      expect(mesh.asked).toHaveLength(3)
    }, 30_000)
    mesh.asked[2]!.fail(new MeshError('permission_denied', 'Cannot call docs.get: no grant allows it'))
    await vi.waitFor(() => expect(mesh.cache.size).toBe(0), 30_000)
  })

  it('makes one call for 100 callers that miss the same answer', async () => {
    mesh = new CachedDocs()
    const answers = await Promise.all(many(100).map(() => mesh.text('x')))
    expect(answers).toEqual(many(100).fill('x 1'))
    expect(mesh.asked).toHaveLength(1)
    expect(mesh.results.filter(result => result === 'shared')).toHaveLength(99)
  })

  it('lets a caller give up, and a later one, without the others', async () => {
    mesh = new CachedDocs()
    mesh.atOnce = false
    const [first, second] = [new AbortController(), new AbortController()]
    const calls = [{ signal: first.signal }, { signal: second.signal }, { timeout: 20 }].map(options =>
      code(mesh.text('x', options)),
    )
    const last = mesh.text('x')
    await asked(1)
    first.abort()
    second.abort()
    expect(await Promise.all(calls)).toEqual(['cancelled', 'cancelled', 'deadline_exceeded'])
    mesh.asked[0]!.answer('here')
    expect(await last).toBe('here')
  })

  it('cancels the call when all callers gave up; the next one makes another', async () => {
    mesh = new CachedDocs()
    mesh.atOnce = false
    const giveUp = new AbortController()
    const calls = many(3).map(() => code(mesh.text('x', { signal: giveUp.signal })))
    await asked(1)
    giveUp.abort()
    expect(await Promise.all(calls)).toEqual(many(3).fill('cancelled'))
    const next = mesh.text('x')
    await vi.waitFor(() => expect(mesh.asked[0]!.call.signal.aborted).toBe(true), 30_000)
    await asked(2)
    mesh.asked[1]!.answer('second')
    expect(await next).toBe('second')
  })

  it('is asked again by a caller that has more time than the call it waited for', async () => {
    mesh = new CachedDocs()
    const hasty = { ...docs, methods: { get: { ...docs.methods.get, timeout: 50 } } }
    const service = mesh.caller.service(hasty)
    await mesh.get('loads the cache')
    mesh.atOnce = false
    const misses = () => mesh.results.filter(result => result === 'miss')
    const calls = [code(service.get({ id: 'x' })), service.get({ id: 'x' }, { timeout: 20_000 })] as const
    await vi.waitFor(() => expect(misses()).toHaveLength(3), 30_000)
    expect(await calls[0]).toBe('deadline_exceeded')
    await vi.waitFor(() => expect(mesh.asked.filter(({ id }) => id === 'x')).not.toHaveLength(0), 30_000)
    mesh.atOnce = true
    for (const { answer } of mesh.asked) answer('second')
    expect((await calls[1]).by).toBe('a')
    expect(mesh.results).toEqual(['miss', 'miss', 'miss'])
  })

  it('has no answer for a caller without time, or one that gave up before', async () => {
    mesh = new CachedDocs()
    await mesh.get('x')
    expect(await code(mesh.get('x', { timeout: 0 }))).toBe('deadline_exceeded')
    expect(await code(mesh.get('x', { signal: AbortSignal.abort() }))).toBe('cancelled')
  })

  it('is asked whatever is kept with cache: false or metadata, and by methods without a cache', async () => {
    mesh = new CachedDocs()
    await mesh.get('x')
    expect(await mesh.text('x', { cache: false })).toBe('x 2')
    expect(await mesh.text('x')).toBe('x 1')
    await mesh.caller.call('docs.plain', {})
    await mesh.caller.call('docs.plain', {})
    expect(await mesh.text('x', { metadata: { language: 'de' } })).toBe('x 5')
    expect(mesh.asked).toHaveLength(5)
    expect(mesh.results).toEqual(['miss', 'hit'])
  })

  it('keeps bytes, which no caller can change for another', async () => {
    mesh = new CachedDocs()
    mesh.atOnce = false
    const bytes = (...params: number[]) =>
      mesh.caller.call('docs.bytes', Uint8Array.from(params)) as Promise<Uint8Array>
    const first = bytes(1, 2)
    await asked(1)
    mesh.asked[0]!.reply(Uint8Array.of(7, 8, 9))
    for (const answer of [await first, await bytes(1, 2)]) {
      expect([...answer]).toEqual([7, 8, 9])
      answer.fill(0)
    }
    expect([...(await bytes(1, 2))]).toEqual([7, 8, 9])
    expect(mesh.asked).toHaveLength(1)
    const other = bytes(1, 3)
    await asked(2)
    mesh.asked[1]!.reply(Uint8Array.of(0))
    expect([...(await other)]).toEqual([0])
  })

  it('gives a value of a codec on each hit', async () => {
    mesh = new CachedDocs()
    const dated = defineService({
      name: 'docs',
      version: 1,
      methods: {
        changed: {
          params: z.string(),
          result: coded(z.object({ at: codec.date })),
          idempotent: true,
          cache: { ttl: 1_000 },
        },
      },
    })
    mesh.atOnce = false
    const service = mesh.caller.service(dated)
    const first = service.changed('x')
    await asked(1)
    mesh.asked[0]!.reply({ at: '2026-01-02T03:04:05.000Z' })
    for (const { at } of [await first, await service.changed('x')])
      expect(at).toEqual(new Date('2026-01-02T03:04:05.000Z'))
    expect(mesh.asked).toHaveLength(1)
  })
})

describe('a failure', () => {
  it('is kept for a second when it is a not_found of the handler', async () => {
    mesh = new CachedDocs()
    mesh.atOnce = false
    const calls = many(5).map(() => code(mesh.get('x')))
    await asked(1)
    mesh.asked[0]!.fail(new MeshError('not_found', 'Cannot read x: there is none'))
    expect(await Promise.all(calls)).toEqual(many(5).fill('not_found'))
    expect(await code(mesh.get('x'))).toBe('not_found')
    expect(mesh.asked).toHaveLength(1)
    mesh.pass(1_001)
    mesh.atOnce = true
    expect(await mesh.text('x')).toBe('x 2')
  })

  it.each(['application', 'permission_denied', 'overloaded'] as const)('is not kept as %s', async failure => {
    mesh = new CachedDocs()
    mesh.atOnce = false
    const call = code(mesh.get('x', { timeout: 5_000 }))
    await asked(1)
    mesh.asked[0]!.fail(new MeshError(failure, 'Cannot read x: not now'))
    expect(await call).toBe(failure)
    mesh.atOnce = true
    expect(await mesh.text('x')).toBe('x 2')
  })

  it('of a result that does not fit its schema is not kept', async () => {
    mesh = new CachedDocs()
    mesh.atOnce = false
    const call = code(mesh.get('x'))
    await asked(1)
    mesh.asked[0]!.answer(7 as unknown as string)
    expect(await call).toBe('protocol_error')
    mesh.atOnce = true
    expect(await mesh.text('x')).toBe('x 2')
  })
})

describe('tags', () => {
  it('drop their answers, and no others', async () => {
    mesh = new CachedDocs()
    for (const id of ['x', 'y', 'z']) await mesh.get(id)
    expect(await mesh.cache.invalidate(['doc:x', 'doc:z', 'doc:x', 'doc:unknown'])).toBe(2)
    expect(await Promise.all(['x', 'y', 'z'].map(id => mesh.text(id)))).toEqual(['x 4', 'y 2', 'z 5'])
  })

  it('keep an answer that was on its way when they were invalidated from being kept', async () => {
    mesh = new CachedDocs()
    await mesh.get('other')
    mesh.atOnce = false
    const before = mesh.text('x')
    await asked(2)
    expect(await mesh.cache.invalidate(['doc:x'])).toBe(0)
    const after = mesh.text('x')
    await asked(3)
    mesh.asked[2]!.answer('new')
    mesh.asked[1]!.answer('old')
    expect([await before, await after]).toEqual(['old', 'new'])
    expect(await mesh.text('x')).toBe('new')
  })
})

describe('an answer that is kept', () => {
  it('is given to no caller that the policy does not let call: the callee decides', async () => {
    mesh = new CachedDocs()
    await mesh.get('x')
    mesh.allowed = false
    expect(await mesh.text('x')).toBe('x 2')
    mesh.atOnce = false
    const denied = code(mesh.get('x'))
    await asked(3)
    mesh.asked[2]!.fail(new MeshError('permission_denied', 'Cannot call docs.get: no grant allows it'))
    expect(await denied).toBe('permission_denied')
  })

  it('of a member that was revoked since is given to nobody', async () => {
    mesh = new CachedDocs(['a', 'b'])
    const { by } = await mesh.get('x')
    mesh.revoked.add(by === 'a' ? 'b' : 'a')
    expect((await mesh.get('x')).n).toBe(1)
    mesh.revoked.add(by)
    expect((await mesh.get('x')).n).toBe(2)
  })
})

describe('a contract', () => {
  const { get } = docs.methods

  it('whose tags are none fails the call, not the agent', async () => {
    mesh = new CachedDocs()
    const tagged = { ...get, cache: { ttl: 1_000, tags: () => ['x'.repeat(129)] } }
    const failing = { ...get, cache: { ttl: 1_000, tags: () => JSON.parse('{') as string[] } }
    const both = defineService({ name: 'docs', version: 1, methods: { tagged, failing } })
    const service = mesh.caller.service(both)
    expect(await code(service.tagged({ id: 'x' }))).toBe('invalid_argument')
    expect(await code(service.failing({ id: 'x' }))).toBe('invalid_argument')
    expect(mesh.asked).toHaveLength(0)
  })
})

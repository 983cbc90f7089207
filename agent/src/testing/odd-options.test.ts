/** What programs without types pass to an agent: refused with what to write, never ignored, and never a TypeError. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { defineService } from '../services/contract/contract.ts'
import { implementService } from '../services/contract/definition.ts'
import { defineTopic } from '../topics/contract.ts'
import { createTestMesh } from './test-mesh.ts'

const number = { params: z.number(), result: z.number() }
const math = defineService({
  name: 'math',
  version: 1,
  methods: { double: number, count: { ...number, yields: z.number() }, then: number },
})
const service = implementService(math, {
  double: n => 2 * n,
  then: n => n,
  count: function* (n) {
    yield n
    return n
  },
})

function agents() {
  const mesh = createTestMesh()
  const server = mesh.agent('server')
  server.serve(service)
  return { mesh, server, caller: mesh.agent('caller', { contracts: [math] }) }
}

/** Message and hint of the error in which `work` ends; a TypeError is thrown on. */
async function told(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'accepted'
  } catch (error) {
    const { code, message, hint = '' } = error as MeshError
    if (code !== 'invalid_argument') throw error
    return `${message}. ${hint}`
  }
}

it('calls with options that there are, and that are undefined', async () => {
  const { caller } = agents()
  const options = {
    near: 'any',
    cache: undefined,
    hedge: false,
    key: 'a',
    app: 'x',
    metadata: { a: 'b' },
  } as const
  expect(await caller.call('math.double', 2, { ...options, peer: undefined, timeout: 500 })).toBe(4)
  expect(await caller.service(math).double(2, { fallback: () => 5 })).toBe(4)
  const each = await caller.callAll('math.double', 2, { concurrency: 1, offline: true })
  expect(each.results).toMatchObject([{ ok: true, value: 4 }])
})

const call: readonly [unknown, string][] = [
  [{ near: 'x' }, "Cannot call math.double: near is 'x'. Give 'zone', 'region' or 'any'."],
  [{ retry: 3 }, 'Cannot call math.double: there is no option retry.'],
  [{ timout: 3 }, 'Cannot call math.double: there is no option timout. Did you mean timeout?'],
  [{ cache: 5 }, 'Cannot call math.double: cache is 5. Give false, or nothing.'],
  [{ idempotent: 'yes' }, "Cannot call math.double: idempotent is 'yes'. Give true or false."],
  [{ peer: 5 }, 'Cannot call math.double: peer is 5. Give a text.'],
  [{ metadata: 5 }, 'Cannot call math.double: metadata is 5.'],
  [{ hedge: null }, 'Cannot call math.double: hedge is null.'],
  [null, 'Cannot call math.double: its options are null.'],
  [5, 'Cannot call math.double: its options are 5.'],
  [[5], 'Cannot call math.double: its options are a list.'],
]

it.each(call)('a call with the options %j is refused', async (options, reason) => {
  const { caller } = agents()
  expect(await told(() => caller.call('math.double', 2, options as never))).toContain(reason)
  expect(await told(() => caller.ask('math.double', 2, options as never))).toContain(reason)
  expect(await told(() => caller.service(math).double(2, options as never))).toContain(reason)
})

it('a call takes a fallback and no explanation, a question the other way round', async () => {
  const { caller } = agents()
  const options = { fallback: 5, explain: true } as never
  expect(await told(() => caller.call('math.double', 2, options))).toBe(
    'Cannot call math.double: fallback is 5. Give a function of the error.',
  )
  const explained = { explain: true } as never
  expect(await told(() => caller.call('math.double', 2, explained))).toContain('there is no option explain')
  const safe = { fallback: () => 5 } as never
  expect(await told(() => caller.ask('math.double', 2, safe))).toContain('there is no option fallback')
})

it.each([
  [{ idempotent: true }, 'there is no option idempotent'],
  [{ near: 5 }, 'near is 5'],
  [null, 'its options are null'],
])('a stream with the options %j is refused', async (options, reason) => {
  const { caller } = agents()
  expect(await told(() => caller.stream('math.count', 2, options as never).result)).toContain(reason)
})

it.each([
  [{ peer: 'server' }, 'there is no option peer'],
  [{ offline: 1 }, 'offline is 1'],
  [null, 'are null'],
])('a call of all with the options %j is refused', async (options, reason) => {
  const { caller } = agents()
  expect(await told(() => caller.callAll('math.double', 2, options as never))).toContain(reason)
})

it('a call of all that gives results as they come is refused with the first of them', async () => {
  const { caller } = agents()
  const first = (more: object) =>
    told(async () => {
      for await (const _ of caller.callAll('math.double', 2, { each: true, ...more })) return
    })
  expect(await first({})).toBe('accepted')
  expect(await first({ peer: 'server' })).toContain('there is no option peer')
  expect(await first({ offline: 1 })).toContain('offline is 1')
})

it('a client has no method that await would call', async () => {
  const { caller } = agents()
  const client = await caller.service(math)
  expect(Object.keys(client)).toEqual(['double', 'count'])
  expect(await caller.call('math.then', 5)).toBe(5)
  expect(await told(() => caller.service(math, { verson: '1' } as never))).toContain('Did you mean version?')
})

it.each([undefined, null, 5, math, { contract: math }])(
  'serve() refuses what is no service (%#)',
  async given => {
    const { server } = agents()
    expect(await told(() => server.serve(given as never))).toMatch(/^Cannot serve.*implementService\(/)
  },
)

it.each([undefined, null, 5, { name: 'math' }])('%j is no contract of a client', async given => {
  const { caller } = agents()
  expect(await told(() => caller.service(given as never))).toMatch(/^Cannot define /)
})

it.each([
  [null, 'its options are null'],
  [{ onMessage: 5 }, 'onMessage is 5. Give a function of a message'],
  [{ bufer: 5 }, 'there is no option bufer. Did you mean buffer?'],
  [{ buffer: '5' }, "its buffer is '5'"],
  [{ retained: 1 }, 'retained is 1. Give true or false.'],
  [{ signal: 5 }, 'its signal is 5'],
])('a subscription with %j is refused', async (options, reason) => {
  const { caller } = agents()
  expect(await told(() => caller.subscribe('alerts', options as never))).toContain(reason)
})

it('a topic, and the options of a message, are checked', async () => {
  const { caller } = agents()
  for (const topic of [undefined, null, 5, {}]) {
    expect(await told(() => caller.publish(topic as never, 1 as never))).toContain('Cannot publish: ')
    expect(await told(() => caller.subscribe(topic as never))).toContain('Cannot subscribe: ')
  }
  expect(await told(() => caller.publish('alerts', 1, { retian: true } as never))).toContain('mean retain?')
  expect(await told(() => caller.publish('alerts', 1, { retain: 1 } as never))).toContain('retain is 1')
  const define = (more: object) => told(() => defineTopic({ name: 'alerts', message: z.number(), ...more }))
  expect(await define({})).toBe('accepted')
  expect(await define({ message: undefined })).toContain("Cannot define topic 'alerts': it has no message")
  expect(await define({ message: 5 })).toContain('its message is 5. Give a schema')
  expect(await define({ retian: true })).toContain("it has the unknown word 'retian'. Did you mean retain?")
  expect(await told(() => defineTopic(null as never))).toContain(
    'Cannot define a topic: its contract is null',
  )
})

it.each([
  [undefined, 'undefined is no port'],
  [{}, 'its name is undefined'],
  [{ name: 'ssh' }, 'to is undefined'],
  [{ name: 'ssh', to: { port: '22' } }, "to.port is '22'"],
  [{ name: 'ssh', to: { prot: 22 } }, 'there is no option to.prot. Did you mean to.port?'],
  [{ name: 'ssh', to: { port: 22 }, allow: 'tag:ops' }, "allow is 'tag:ops', no list"],
  [{ name: 'ssh', to: { port: 22 }, allow: ['ops'] }, "'ops' is no"],
])('%j is no port to expose', async (port, reason) => {
  const { server } = agents()
  expect(await told(() => server.expose(port as never))).toContain(reason)
})

it.each([
  [undefined, 'its options are undefined. Give an object of options: tags.'],
  [{ tag: ['a'] }, 'there is no option tag. Did you mean tags?'],
  [{ tags: 'a' }, 'Cannot invalidate cached answers'],
])('nothing is invalidated by %j', async (answers, reason) => {
  const { caller } = agents()
  expect(await told(() => caller.invalidate(answers as never))).toContain(reason)
})

const waited: readonly [unknown, string][] = [
  [undefined, 'undefined is no name of a service'],
  [3, '3 is no name'],
  ['', "'' is no name"],
  ['Math', "'Math' is no name"],
  ['math@x', "'math@x' is no name"],
  [{}, 'an object is no name'],
  [{ name: 'math', version: 0 }, "'math@0' is no name"],
]

it.each(waited)('%j is no service to wait for or to describe', async (service, reason) => {
  const { caller } = agents()
  const write = "Give its contract, 'math' or 'math@2'."
  expect(await told(() => caller.waitFor(service as never))).toContain(`Cannot wait for a service: ${reason}`)
  expect(await told(() => caller.describe(service as never))).toContain(write)
})

it.each([
  [null, 'its options are null'],
  ['x', "its options are 'x'"],
  [{ timeuot: 5 }, 'there is no option timeuot. Did you mean timeout?'],
  [{ signal: 'x' }, "its signal is 'x', no AbortSignal"],
])('waiting for, describing and connecting with %j is refused', async (options, reason) => {
  const { caller } = agents()
  const given = options as never
  expect(await told(() => caller.waitFor(math, given))).toContain(`Cannot wait for math@1: ${reason}`)
  expect(await told(() => caller.describe(math, given))).toContain(`Cannot describe math@1: ${reason}`)
  const connect = () => caller.connect('server', 'ssh', given)
  expect(await told(connect)).toContain(`Cannot connect to port ssh of server: ${reason}`)
})

it.each([
  [null, 'its options are null'],
  [{ signl: 5 }, 'there is no option signl. Did you mean signal?'],
  [{ signal: 'x' }, "its signal is 'x', no AbortSignal"],
])('a listener with the options %j is refused, and the agent stops', async (options, reason) => {
  const { mesh, caller } = agents()
  expect(await told(() => caller.on('member', () => undefined, options as never))).toContain(reason)
  const stopped = caller.stop()
  await mesh.advance(10_000)
  await stopped
})

it.each([
  [{ nmae: 'x' }, 'there is no option nmae. Did you mean name?'],
  [{ name: 5 }, 'its name is 5'],
  [{ idleMs: NaN }, 'idleMs is NaN'],
  [{ idleMs: -1 }, 'idleMs is -1'],
  [null, 'its options are null'],
])('a file is not offered with the options %j', async (options, reason) => {
  const { caller } = agents()
  const bytes = new Uint8Array(1)
  expect(await told(() => caller.send('server', bytes, options as never))).toContain(`Cannot send: ${reason}`)
})

it.each([
  [{ patience: 5 }, 'there is no option patience. Did you mean patienceMs?'],
  [{ patienceMs: NaN }, 'patienceMs is NaN'],
  [{ signal: 5 }, 'its signal is 5'],
  [{ onBytes: 5 }, 'onBytes is 5. Give a function'],
  [null, 'its options are null'],
])('an offer is not received with the options %j', async (options, reason) => {
  const { server, caller } = agents()
  const offer = await server.send('caller', new Uint8Array(1))
  expect(await told(() => caller.receive(offer, options as never))).toContain(reason)
})

it('a file is saved where a file can be', async () => {
  const { server, caller } = agents()
  const transfer = caller.receive(await server.send('caller', new Uint8Array(1)))
  expect(await told(() => transfer.saveTo(5 as never))).toContain('its path is 5. Give the path of a file.')
  expect(await told(() => transfer.saveTo(''))).toContain("its path is ''")
  expect(await told(() => transfer.saveTo(tmpdir()))).toContain('it is a folder')
  const nowhere = join(tmpdir(), 'no', 'such', 'file')
  await expect(transfer.saveTo(nowhere)).rejects.toMatchObject({ code: 'not_found' })
  expect(await told(() => server.send('caller', undefined as never))).toContain('undefined cannot be read')
})

it('a test mesh refuses what is no policy, time or option of it', async () => {
  const { mesh } = agents()
  expect(await told(() => mesh.setPolicy(5 as never))).toContain('Cannot set the policy')
  for (const ms of [NaN, Infinity, -1, '5', undefined])
    expect(await told(() => mesh.advance(ms as never))).toContain('Cannot advance the time: ms is ')
  expect(await told(() => mesh.agent('x', { role: [] } as never))).toContain('Did you mean roles?')
  expect(await told(() => mesh.agent('x', { contracts: [5] } as never))).toContain('its contract is 5')
  expect(await told(() => mesh.agent('x', { contracts: 5 } as never))).toContain('contracts is 5')
  expect(await told(() => mesh.agent('x'))).toBe('accepted')
  expect(await told(() => createTestMesh({ polcy: 5 } as never))).toContain('Did you mean policy?')
  expect(await told(() => createTestMesh({ policy: 5 } as never))).toContain('Cannot make a test mesh')
  expect(await told(() => createTestMesh({ seed: NaN }))).toContain('seed is NaN')
})

import { defineService, type Agent } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

const greeter = (version: number) =>
  defineService({
    name: 'greeter',
    version,
    methods: {
      greet: { params: z.object({ name: z.string() }), result: z.string(), effects: 'read' },
      tail: { params: z.undefined(), yields: z.string(), result: z.void() },
    },
  })

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
})
afterEach(() => mesh.stop())

/** Serves a version, whose answer names it and the agent. @returns how to end that */
const serve = (agent: Agent, version: number) =>
  agent.serve({
    contract: greeter(version),
    handlers: {
      greet: ({ name }) => `${name} from ${agent.name}@${version}`,
      async *tail() {},
    },
  })

test('a caller picks versions by a range: the newest that is served, wherever it is', async () => {
  const [a, b, caller] = [
    await mesh.agent({ name: 'a' }),
    await mesh.agent({ name: 'b' }),
    await mesh.agent({ name: 'caller' }),
  ]
  serve(a, 1)
  serve(a, 2)
  const end = serve(b, 3)
  const { greet } = caller.service(greeter(1), { version: '1 || 2' })
  const { greet: newest } = caller.service(greeter(1), { version: '>=1' })
  const { greet: exact } = caller.service(greeter(1))
  const asks = async (answers: typeof greet, expected: string) =>
    vi.waitFor(async () => expect(await answers({ name: 'hi' })).toBe(expected), {
      timeout: 20_000,
      interval: 20,
    })
  await asks(newest, 'hi from b@3')
  await asks(greet, 'hi from a@2')
  await asks(exact, 'hi from a@1')
  expect(await newest({ name: 'hi' }, { peer: 'a' })).toBe('hi from a@2')
  end()
  await asks(newest, 'hi from a@2')
  const { greet: none } = caller.service(greeter(1), { version: '7 - 9' })
  expect(await refusal(() => none({ name: 'hi' }))).toContain('unavailable: Cannot call greeter.greet')
  expect(await refusal(() => caller.service(greeter(1), { version: '1.x' }))).toContain(
    "invalid_argument: Cannot call greeter: '1.x' is no range of versions",
  )
  expect(await refusal(() => caller.service(greeter(1), { version: '1 || 2' }).tail())).toContain(
    'unsupported: Cannot call greeter.tail: a stream takes no range of versions',
  )
})

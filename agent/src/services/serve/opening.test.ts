import { afterEach, describe, expect, test, vi } from 'vitest'
import { linkPair, type LinkPair } from '../../rpc/testing/link-pair.ts'
import { allowAll, math, ops } from '../testing/fixtures.ts'
import { Dispatcher } from './dispatcher.ts'
import { Opening } from './opening.ts'
import { ServiceRegistry } from './service-registry.ts'

let pair: LinkPair
afterEach(() => pair.stop())

/** A member over a real socket that does not serve `math` yet. */
async function starting() {
  const [registry, opening] = [new ServiceRegistry(), new Opening()]
  const dispatcher = new Dispatcher({ registry, opening, authorize: allowAll, now: () => performance.now() })
  const onRequest = dispatcher.handlerFor(ops)
  const arrived = vi.fn(onRequest)
  pair = await linkPair(arrived)
  const serve = () => registry.serve(math, { add: ({ a, b }) => a + b, divide: ({ a, b }) => a / b })
  return { opening, serve, arrived, caller: pair.caller }
}

describe('while a member starts', () => {
  test('calls of what it does not serve yet wait, and are answered once it does', async () => {
    const { opening, serve, arrived, caller } = await starting()
    const sum = caller.call('math.add', { a: 2, b: 3 })
    const other = caller.call('other.method', {})
    await vi.waitFor(() => expect(arrived).toHaveBeenCalledTimes(2), 20_000)
    serve()
    // What is served by now need not wait for the rest of the start.
    expect(await caller.call('math.divide', { a: 6, b: 3 })).toBe(2)
    opening.open()
    expect(await sum).toBe(5)
    await expect(other).rejects.toMatchObject({ code: 'unsupported' })
    await expect(caller.call('other.method', {})).rejects.toMatchObject({ code: 'unsupported' })
  })

  test('a call that waited too long ends at its deadline, and does not run', async () => {
    const { opening, serve, caller } = await starting()
    await expect(caller.call('math.add', { a: 2, b: 3 }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
    })
    serve()
    opening.open()
    expect(await caller.call('math.divide', { a: 6, b: 3 })).toBe(2)
  })
})

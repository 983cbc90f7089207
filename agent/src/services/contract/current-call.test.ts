import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import type { CallContext } from './call-context.ts'
import { currentCall, runServing, runServingAlone } from './current-call.ts'

/** As much of a call as says whether it runs. */
const running = () => ({ isOpen: true }) as unknown as CallContext & { isOpen: boolean }

describe.each([
  ['within what surrounds it', runServing],
  ['alone', runServingAlone],
])('a call that is served %s', (_, run) => {
  it('is known to its handler, also after a wait and in timers, and to nothing else', async () => {
    const [first, second] = [running(), running()]
    const seen = async (): Promise<unknown[]> => {
      const atOnce = currentCall()
      await undefined
      const later = currentCall()
      const inTimer = await new Promise(resolve => setTimeout(() => resolve(currentCall())))
      return [atOnce, later, inTimer, currentCall()]
    }
    const both = [run(first, seen), run(second, seen)]
    expect(currentCall()).toBeUndefined()
    expect(await Promise.all(both)).toEqual([
      [first, first, first, first],
      [second, second, second, second],
    ])
    expect(currentCall()).toBeUndefined()
  })

  it('is left when its handler throws', () => {
    const fail = (): never => {
      throw new Error('it failed')
    }
    expect(() => run(running(), fail)).toThrow('it failed')
    expect(currentCall()).toBeUndefined()
  })

  it('may serve another one inside of it', () => {
    const [outer, inner] = [running(), running()]
    const seen = run(outer, () => [run(inner, currentCall), currentCall()])
    expect(seen).toStrictEqual([inner, outer])
  })

  it('is none any more once it has ended', async () => {
    const call = running()
    const background = run(call, async () => {
      await undefined
      return currentCall()
    })
    call.isOpen = false
    expect(await background).toBeUndefined()
  })
})

it('a call that is served alone keeps the context of its middleware, and of nothing else', () => {
  const request = new AsyncLocalStorage<string>()
  const call = running()
  request.run('of the socket', () => {
    expect(runServingAlone(call, () => request.getStore())).toBeUndefined()
    expect(request.getStore()).toBe('of the socket')
  })
  const inside = () => runServingAlone(call, () => [request.getStore(), currentCall()])
  expect(runServing(call, () => request.run('of a step', inside))).toEqual(['of a step', call])
})

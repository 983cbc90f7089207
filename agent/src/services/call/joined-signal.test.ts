/** What programs without types pass as signals and names: refused before anything is sent, so no other call is harmed. */
import { afterEach, describe, expect, it } from 'vitest'
import { failing } from '../testing/failing.ts'
import { TestTargets } from '../testing/fixtures.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()

let mesh: TestTargets
afterEach(() => mesh.stop())

/** Calls a member whose handler waits for `answer`. */
function callers() {
  const { promise: answer, resolve } = Promise.withResolvers<string>()
  mesh = new TestTargets()
  mesh.add('a', () => answer)
  return { caller: new ServiceCaller({ targets: mesh, now, random: () => 0 }), answer: resolve }
}

describe.each([[5], ['x'], [null], [{}], [{ aborted: false, addEventListener: 1 }]])(
  '%j as the signal',
  signal => {
    const options = { signal } as never

    it('is refused, and breaks no call of the same link', async () => {
      const { caller, answer } = callers()
      const inFlight = caller.call('x.y', 1)
      await expect(caller.call('x.y', 1, options)).rejects.toEqual(failing('invalid_argument'))
      const after = caller.call('x.y', 1)
      answer('answered')
      expect(await Promise.all([inFlight, after])).toEqual(['answered', 'answered'])
    })

    it('is refused by callAll and by streams', async () => {
      const { caller } = callers()
      await expect(caller.callAll('x.y', 1, options)).rejects.toEqual(failing('invalid_argument'))
      const each = caller.callAll('x.y', 1, { ...(options as object), each: true })
      await expect(each[Symbol.asyncIterator]().next()).rejects.toEqual(failing('invalid_argument'))
      await expect(caller.stream('x.y', 1, options).result).rejects.toEqual(failing('invalid_argument'))
      expect(mesh.connects).toHaveLength(0)
    })
  },
)

it.each([[undefined], [5], [null], [{}]])('%j is no method', async name => {
  const { caller } = callers()
  await expect(caller.call(name as never)).rejects.toEqual(failing('invalid_argument'))
})

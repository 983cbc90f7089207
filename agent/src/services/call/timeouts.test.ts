import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { defineService } from '../contract/contract.ts'
import { ServiceCaller } from './service-caller.ts'
import { failing } from '../testing/failing.ts'
import { TestTargets } from '../testing/fixtures.ts'

const now = () => performance.now()
const longestOnTheWire = 2 ** 32 - 1

let mesh: TestTargets
afterEach(() => mesh.stop())

/** Calls a member whose handler answers with the ms it has left. */
function callers() {
  mesh = new TestTargets()
  mesh.add('a', ({ deadline }) => deadline - now())
  return new ServiceCaller({ targets: mesh, now, random: () => 0 })
}

describe('timeouts of calls', () => {
  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32, 400 * 86_400_000, Number.MAX_SAFE_INTEGER])(
    'of %d ms are right at both ends',
    async timeout => {
      const left = (await callers().call('x.y', 1, { timeout })) as number
      const wanted = Math.min(timeout, longestOnTheWire)
      expect(left).toBeLessThanOrEqual(wanted)
      expect(left).toBeGreaterThan(wanted - 20_000)
    },
  )

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 53, '5s', null, 5n, {}])(
    'of %s are refused before anything is sent',
    async timeout => {
      const caller = callers()
      const options = { timeout } as never
      await expect(caller.call('x.y', 1, options)).rejects.toEqual(failing('invalid_argument'))
      await expect(caller.callAll('x.y', 1, options)).rejects.toEqual(failing('invalid_argument'))
      expect(mesh.connects).toHaveLength(0)
    },
  )

  it('of 0 ms are over at once', async () => {
    await expect(callers().call('x.y', 1, { timeout: 0 })).rejects.toEqual(failing('deadline_exceeded'))
  })

  it('of a contract are checked when it is defined', () => {
    mesh = new TestTargets()
    const method = { params: z.any(), result: z.any() }
    for (const timeout of [Number.NaN, Number.POSITIVE_INFINITY, 0, -1, '5s' as never])
      expect(() =>
        defineService({ name: 'bad', version: 1, methods: { slow: { ...method, timeout } } }),
      ).toThrow(failing('invalid_argument') as Error)
  })
})

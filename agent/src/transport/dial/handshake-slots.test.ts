import { describe, expect, it } from 'vitest'
import { HandshakeSlots } from './handshake-slots.ts'

const never = new AbortController().signal

describe('handshake slots', () => {
  it('are given in order, never more than there are', async () => {
    const slots = new HandshakeSlots(2)
    const order: number[] = []
    let now = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const free = await slots.take(never)
        order.push(i)
        most = Math.max(most, ++now)
        await Promise.resolve()
        now--
        free()
        free()
      }),
    )
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(most).toBe(2)
  })

  it('go to dials that a call waits for before upkeep, but each fourth to the oldest', async () => {
    const slots = new HandshakeSlots(1)
    const order: string[] = []
    const free = await slots.take(never)
    const dial = async (name: string, urgent: boolean) => {
      const freeAgain = await slots.take(never, { urgent })
      order.push(name)
      freeAgain()
    }
    const upkeep = ['u1', 'u2'].map(name => dial(name, false))
    const calls = ['c1', 'c2', 'c3', 'c4', 'c5'].map(name => dial(name, true))
    free()
    await Promise.all([...upkeep, ...calls])
    expect(order).toEqual(['c1', 'c2', 'c3', 'u1', 'c4', 'c5', 'u2'])
  })

  it('go soon to an upkeep that a call has come to wait for', async () => {
    const slots = new HandshakeSlots(1)
    const order: string[] = []
    const free = await slots.take(never)
    const demands = ['one', 'two'].map(name => ({ name, urgent: false }))
    const dials = demands.map(async demand => {
      const freeAgain = await slots.take(never, demand)
      order.push(demand.name)
      freeAgain()
    })
    if (demands[1] !== undefined) demands[1].urgent = true
    free()
    await Promise.all(dials)
    expect(order).toEqual(['two', 'one'])
  })

  it('pass over who gave up, before and while waiting', async () => {
    const slots = new HandshakeSlots(1)
    const free = await slots.take(never)
    const abort = new AbortController()
    const impatient = slots.take(abort.signal)
    const patient = slots.take(never)
    abort.abort(new Error('gave up'))
    await expect(impatient).rejects.toThrow('gave up')
    await expect(slots.take(abort.signal)).rejects.toThrow('gave up')
    free()
    const freeAgain = await patient
    freeAgain()
    expect(await slots.take(never)).toBeTypeOf('function')
  })

  it('are not lost when the slot comes in the same tick as the abort', async () => {
    const slots = new HandshakeSlots(1)
    const free = await slots.take(never)
    const abort = new AbortController()
    const lucky = slots.take(abort.signal)
    const next = slots.take(never)
    free()
    abort.abort()
    const freeAgain = await lucky
    freeAgain()
    expect(await next).toBeTypeOf('function')
  })
})

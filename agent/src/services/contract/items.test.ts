import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { itemEncoder, type ItemFault } from './items.ts'

const byHandler: ItemFault = { code: 'application', action: 'send a message of' }
const byCaller: ItemFault = { code: 'invalid_argument', action: 'send a message to' }

function thrownBy(value: unknown, fault: ItemFault): unknown {
  try {
    void itemEncoder(z.any(), 'odd.tail', fault)(value)
  } catch (thrown) {
    return thrown
  }
  return expect.fail('it was encoded')
}

const nan = { n: Number.NaN }

it('a message that JSON cannot carry is the fault of the side that sends it', () => {
  for (const [fault, code] of [
    [byHandler, 'application'],
    [byCaller, 'invalid_argument'],
  ] as const)
    expect(thrownBy(nan, fault)).toMatchObject({
      code,
      message: 'Cannot encode the message of odd.tail as JSON: message.n is NaN',
    })
})

it('what a message of a handler throws is what the handler throws: its text is for the log of the callee', () => {
  const secret = new Error('cannot reach db-1.internal:5432')
  const value = {
    toJSON: () => {
      throw secret
    },
  }
  expect(thrownBy(value, byHandler)).toBe(secret)
  expect(thrownBy(value, byCaller)).toBeInstanceOf(MeshError)
})

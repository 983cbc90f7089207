import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'

import { circuitRefusal } from './circuit-refusal.ts'

const told = (status: string) =>
  circuitRefusal(
    new Error(`failed to connect via relay with status ${status}`),
    'connect to web-1 over relay-1',
  )

it.each([
  ['NO_RESERVATION', 'the relay holds no reservation of it'],
  ['CONNECTION_FAILED', 'the relay cannot reach it'],
])('says what the refusal %s of a relay means', (status, reason) => {
  expect(told(status)).toMatchObject({
    code: 'unavailable',
    message: `Cannot connect to web-1 over relay-1: ${reason}`,
  })
})

it('leaves what is no refusal as it is', () => {
  for (const error of [new Error('x'), new MeshError('revoked', 'Cannot x: y'), 'text', undefined])
    expect(circuitRefusal(error, 'x')).toBe(error)
  expect(told('OK')).not.toBeInstanceOf(MeshError)
})

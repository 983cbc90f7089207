import { MeshError, type Signer } from '@agent-mesh/protocol'
import { beforeEach, expect, it } from 'vitest'
import { refusal } from '../../../../test/support/refusal.ts'
import { countSignErrors } from './count-sign-errors.ts'
import { embeddedMetrics } from './metrics.ts'

let lines: string[] = []
beforeEach(() => (lines = []))
const metrics = embeddedMetrics('Mesh', Date.now, line => lines.push(line))

const fails = (code: 'unavailable' | 'conflict') => () => Promise.reject(new MeshError(code, 'Cannot sign'))
const counted = () => lines.map(line => (JSON.parse(line) as { SignErrors?: number[] }).SignErrors)

it('a signature that KMS does not make is counted at once, and fails', async () => {
  const signer: Signer = { kid: 'k', sign: fails('unavailable') }
  const { sign } = await countSignErrors(() => signer, metrics)('k')
  expect(await refusal(sign('head+jws', new Uint8Array()))).toBe('unavailable: Cannot sign')
  expect(counted()).toEqual([[1]])
})

it('a key that cannot be read is counted', async () => {
  expect(await refusal(async () => countSignErrors(fails('unavailable'), metrics)('k'))).toContain(
    'unavailable',
  )
  expect(counted()).toEqual([[1]])
})

it('the key of another is no error of KMS, and a signature is none', async () => {
  expect(await refusal(async () => countSignErrors(fails('conflict'), metrics)('k'))).toContain('conflict')
  const { sign } = await countSignErrors(
    () => ({ kid: 'k', sign: () => Promise.resolve('jws') }),
    metrics,
  )('k')
  expect(await sign('head+jws', new Uint8Array())).toBe('jws')
  expect(counted()).toEqual([])
})

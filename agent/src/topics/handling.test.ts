import { expect, it } from 'vitest'
import { OtelTracing } from '../observe/otel-tracing.ts'
import type { Tracing } from '../observe/tracing.ts'
import { handlingOf, type HandledMessage } from './handling.ts'

const message: HandledMessage = { topic: 'x', publisher: 'p', trace: undefined, acknowledge: undefined }

it('surrounds no message where nothing traces and none waits for it', () => {
  const looking = new OtelTracing(() => undefined)
  expect(handlingOf(undefined, message)).toBeUndefined()
  expect(handlingOf(looking, message)).toBeUndefined()
})

it('acknowledges a message that was handled, and none whose handler failed', () => {
  let acknowledged = 0
  const begin = handlingOf(undefined, { ...message, acknowledge: () => void acknowledged++ })
  begin?.().end(new Error('failed'))
  expect(acknowledged).toBe(0)
  begin?.().end()
  expect(acknowledged).toBe(1)
})

it('has a span from the begin of the handling to its end where something traces', () => {
  const seen: string[] = []
  const span = { run: <T>(handler: () => T) => handler(), end: (code: string) => void seen.push(code) }
  const tracing = { active: true, handle: () => (seen.push('begin'), span) } as unknown as Tracing
  const begin = handlingOf(tracing, message)
  expect(seen).toEqual([])
  const handling = begin!()
  expect(handling.run(() => 7)).toBe(7)
  handling.end()
  expect(seen).toEqual(['begin', 'ok'])
})

import { expect, test } from 'vitest'
import { z } from 'zod'

import { typeText } from './type-text.ts'

test.each([
  [z.object({ a: z.number(), b: z.string().optional() }), '{a: number, b?: string}'],
  [z.array(z.object({ a: z.int() })), '{a: integer}[]'],
  [z.enum(['on', 'off']), '"on" | "off"'],
  [z.union([z.string(), z.null()]), 'string | null'],
  [z.looseObject({}), 'object'],
  [z.literal(3), '3'],
])('a schema is written as its type: %#', (schema, text) => {
  expect(typeText(z.toJSONSchema(schema))).toBe(text)
})

test.each([
  [undefined, 'any'],
  [null, 'any'],
  [7, 'any'],
  [{ type: 7 }, 'any'],
  [{ type: [7, 'string'] }, 'any | string'],
  [{ $ref: '#' }, 'any'],
  [{ type: 'object', properties: 'x', required: 3 }, 'object'],
])('what is no schema is any type: %j', (schema, text) => expect(typeText(schema)).toBe(text))

test('a schema without end, of another member, is cut', () => {
  const endless: Record<string, unknown> = { type: 'array' }
  endless['items'] = endless
  expect(typeText(endless)).toBe('any[][][]')
  const properties = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, n) => [`field-${n}`, { type: 'string' }]),
  )
  expect(typeText({ type: 'object', properties }).length).toBeLessThanOrEqual(120)
})

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
  [z.array(z.union([z.string(), z.null()])), '(string | null)[]'],
  [z.array(z.object({ a: z.enum(['x', 'y']) })), '{a: "x" | "y"}[]'],
  [z.array(z.array(z.enum(['x', 'y']))), '("x" | "y")[][]'],
  [
    z.object({
      a: z.object({ b: z.object({ tags: z.array(z.string()).optional(), c: z.object({ d: z.int() }) }) }),
    }),
    '{a: {b: {tags?: string[], c: object}}}',
  ],
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
  expect(typeText(endless)).toBe('any[][][][][][][][]')
  const properties = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, n) => [`field-${n}`, { type: 'string' }]),
  )
  expect(typeText({ type: 'object', properties }).length).toBeLessThanOrEqual(120)
})

test('alternatives within alternatives of another member are looked at in part', () => {
  const wide: Record<string, unknown> = {}
  wide['anyOf'] = Array.from({ length: 32 }, () => wide)
  expect(typeText(wide).length).toBeLessThanOrEqual(120)
})

test('a type is whole where there is room for it', () => {
  const schema = z.toJSONSchema(z.object({ [`long-${'x'.repeat(200)}`]: z.string() }))
  expect(typeText(schema)).toMatch(/…$/)
  expect(typeText(schema, 1_000)).toMatch(/: string}$/)
})

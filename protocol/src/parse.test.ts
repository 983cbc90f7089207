import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { refusal } from '../../test/support/refusal.ts'
import { MeshError } from './errors.ts'
import { parse, parseJson } from './parse.ts'

const schema = z.strictObject({
  name: z.optional(z.string().check(z.minLength(2), z.maxLength(3))),
  count: z.optional(z.int().check(z.minimum(1), z.maximum(9))),
  kind: z.optional(z.enum(['a', 'b'])),
  list: z.optional(z.array(z.string()).check(z.maxLength(1))),
  word: z.optional(z.string().check(z.regex(/^a+$/, { error: 'is not a word of a' }))),
  either: z.optional(z.union([z.string(), z.object({ x: z.string() })])),
  room: z.optional(z.union([z.literal(false), z.enum(['all', 'none']), z.object({ x: z.string() })])),
  byType: z.optional(z.discriminatedUnion('type', [z.object({ type: z.literal('a') })])),
  short: z.optional(z.union([z.string().check(z.maxLength(2)), z.string().check(z.regex(/^b/))])),
  nested: z.optional(z.record(z.string(), z.object({ x: z.int() }))),
})

it.each([
  [{ name: 'x' }, 'name: is under 2 characters'],
  [{ name: 'xxxx' }, 'name: is over 3 characters'],
  [{ name: 7 }, 'name: is not of type string'],
  [{ count: 0 }, 'count: is under 1'],
  [{ count: 10 }, 'count: is over 9'],
  [{ count: 1.5 }, 'count: is not of type int'],
  [{ kind: 'c' }, 'kind: is none of a, b'],
  [{ list: ['a', 'b'] }, 'list: is over 1 items'],
  [{ list: ['a', 5].slice(1) }, 'list.0: is not of type string'],
  [{ word: 'b' }, 'word: is not a word of a'],
  [{ either: 1 }, 'either: is none of string, object'],
  [{ either: { x: 1 } }, 'either: has none of the known forms'],
  [{ room: 5 }, 'room: is none of false, all, none, object'],
  [{ byType: { type: 'b' } }, 'byType.type: has none of the known forms'],
  [{ short: 'abc' }, 'short: has none of the known forms'],
  [{ nested: { y: { x: '1' } } }, 'nested.y.x: is not of type number'],
  [{ other: 1 }, 'unknown field other'],
  [7, 'is not of type object'],
])('%j is refused with its reason', async (value, reason) => {
  expect(await refusal(() => parse(schema, value, 'read it'))).toBe(
    `invalid_argument: Cannot read it: ${reason}`,
  )
})

it('a reason stays short, however long the names that came from outside', async () => {
  const name = 'k'.repeat(100_000)
  for (const value of [{ [name]: 1 }, { nested: { [name]: { x: 'no' } } }])
    expect((await refusal(() => parse(schema, value, 'read it'))).length).toBeLessThan(200)
})

it('text that is not JSON is refused with the code asked for', async () => {
  expect(await refusal(() => parseJson(schema, '{', 'read it', 'protocol_error'))).toBe(
    'protocol_error: Cannot read it: not JSON',
  )
  expect(parseJson(schema, '{"name":"xy"}', 'read it')).toEqual({ name: 'xy' })
})

it('a field named __proto__ changes no prototype and throws nothing but MeshError', async () => {
  const text = '{"__proto__":{"admin":true},"name":"xy"}'
  expect(await refusal(() => parseJson(schema, text, 'read it'))).toMatch(/^(accepted|invalid_argument)/)
  const loose = parseJson(z.looseObject({ name: z.string() }), text, 'read it')
  expect((loose as { admin?: unknown }).admin).toBeUndefined()
  expect(({} as { admin?: unknown }).admin).toBeUndefined()
})

it('JSON nested a hundred thousand levels deep ends in a value or a MeshError', async () => {
  const text = '['.repeat(100_000) + ']'.repeat(100_000)
  expect(await refusal(() => parseJson(schema, text, 'read it'))).toMatch(/^invalid_argument: /)
  expect(await refusal(() => parseJson(schema, `{"deep":${text}}`, 'read it'))).toMatch(/unknown field deep$/)
})

it('a refusal is a MeshError without the value', () => {
  try {
    parse(schema, { name: 'a secret' }, 'read it')
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(MeshError)
    expect(String(error)).not.toContain('secret')
  }
})

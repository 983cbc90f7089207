/** What the compiler refuses: these contracts are never used, tsc judges them. */
import { expect, it } from 'vitest'
import * as z from 'zod'
import * as mini from 'zod/mini'
import { coded, codec } from './coded.ts'
import { defineService } from './contract.ts'

const text = z.string()
interface Named {
  name: string
  more?: Named[]
}

it('contracts of JSON, of bytes, and of what has a codec compile', () => {
  const tree = z.object({
    name: z.string(),
    get more() {
      return z.optional(z.array(tree))
    },
  })
  const methods = {
    json: {
      params: z.object({ a: z.optional(z.array(z.number())), b: z.union([z.null(), z.literal('x')]) }),
      result: z.void(),
    },
    loose: { params: z.looseObject({ a: z.string() }), result: z.record(z.string(), z.unknown()) },
    anything: { params: z.any(), result: z.unknown() },
    recursive: { params: tree, result: z.custom<Named>() },
    bytes: { params: z.instanceof(Uint8Array), result: z.union([z.instanceof(Uint8Array), z.null()]) },
    decoded: {
      params: z.codec(z.string(), z.date(), { decode: s => new Date(s), encode: d => d.toISOString() }),
      result: text,
    },
    coded: { params: coded(z.object({ at: codec.date })), result: coded(mini.array(codec.bigint)) },
    errors: {
      params: text,
      result: text,
      errors: { a: z.object({ n: z.number() }), b: z.undefined(), c: coded(z.object({ at: codec.date })) },
    },
  }
  expect(defineService({ name: 'fine', version: 1, methods }).methods).toBe(methods)
})

it('what JSON does not carry is an error of the compiler', () => {
  const [date, dates, big] = [z.date(), z.object({ at: z.array(z.date()) }), z.union([text, z.bigint()])]
  const [map, set, symbol, url] = [z.map(text, text), mini.set(mini.string()), z.symbol(), z.instanceof(URL)]
  const inner = z.object({ b: z.instanceof(Uint8Array) })
  const { methods } = defineService({
    name: 'a',
    version: 1,
    methods: {
      // @ts-expect-error: a Date
      date: { params: date, result: text },
      // @ts-expect-error: a Date within
      dates: { params: text, result: dates },
      // @ts-expect-error: a bigint among others
      big: { params: big, result: text },
      // @ts-expect-error: a Map
      map: { params: map, result: text },
      // @ts-expect-error: a Set
      set: { params: text, result: set },
      // @ts-expect-error: a symbol
      symbol: { params: text, result: symbol },
      // @ts-expect-error: an object with methods
      url: { params: text, result: url },
      // @ts-expect-error: bytes within JSON
      inner: { params: inner, result: text },
      // @ts-expect-error: a schema without a codec
      coded: { params: coded(date), result: text },
      // @ts-expect-error: details that are no object
      details: { params: text, result: text, errors: { c: text } },
      // @ts-expect-error: details that are no JSON
      error: { params: text, result: text, errors: { c: dates } },
    },
  })
  expect(Object.keys(methods)).toHaveLength(11)
})

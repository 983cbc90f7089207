/** What programs without types write in place of contracts and services. */
import type { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { defineService, type ServiceContract } from './contract.ts'
import { implementService } from './definition.ts'

const schema = { params: z.unknown(), result: z.unknown() }

/** Message and hint of the error; a TypeError is thrown on. */
function told(work: () => unknown): [string, string | undefined] {
  try {
    work()
    return ['accepted', undefined]
  } catch (error) {
    if ((error as MeshError).code !== 'invalid_argument') throw error
    return [(error as MeshError).message, (error as MeshError).hint]
  }
}

const define = (contract: unknown) => told(() => defineService(contract as never))
const withMethod = (method: unknown) => define({ name: 'math', version: 1, methods: { add: method } })

it.each([
  [undefined, "its method 'add' is undefined", 'Write { params'],
  [null, "its method 'add' is null", 'Write { params'],
  [{ result: z.number() }, "its method 'add' has no params", 'z.undefined()'],
  [{ params: z.number() }, "its method 'add' has no result", 'z.undefined()'],
  [{ ...schema, params: null }, "its method 'add' has null as params", 'Standard Schema'],
  [{ ...schema, params: { a: 'number' } }, "its method 'add' has an object as params", 'Standard Schema'],
  [{ ...schema, result: Number }, "its method 'add' has a function as result", 'Standard Schema'],
  [{ ...schema, result: { '~standard': 1 } }, "its method 'add' has an object as result", 'Standard Schema'],
  [{ ...schema, yields: 5 }, "its method 'add' has 5 as yields", 'Standard Schema'],
  [{ ...schema, timout: 5 }, "its method 'add' has the unknown word 'timout'", 'Did you mean timeout?'],
  [{ ...schema, x: 5 }, "its method 'add' has the unknown word 'x'", 'The words are params, result,'],
  [{ ...schema, timeout: '5s' }, "timeout of add is '5s'", 'Give milliseconds'],
  [{ ...schema, idempotent: 'yes' }, "its method 'add' has idempotent 'yes', not true or false", undefined],
  [{ ...schema, effects: 'write ' }, "its method 'add' has the effects 'write '", undefined],
  [{ ...schema, effects: 10 }, "its method 'add' has the effects 10,", undefined],
  [{ ...schema, about: {} }, "its method 'add' has an object as about", undefined],
  [{ ...schema, largest: 0 }, "its method 'add' has largest 0, no whole number", undefined],
  [{ ...schema, errors: 5 }, "its method 'add' has 5 as errors", 'Write { name_of_error'],
  [{ ...schema, errors: { gone: {} } }, "declares the error 'gone' with an object", 'Standard Schema'],
  [{ ...schema, effects: 'read', cache: 60 }, "its method 'add' has the cache 60", 'Write { ttl'],
  [{ ...schema, effects: 'read', cache: null }, "its method 'add' has the cache null", 'Write { ttl'],
  [
    { ...schema, effects: 'read', cache: { ttl: 60, stales: 1 } },
    "its method 'add' has the unknown word 'cache.stales'",
    'Did you mean cache.stale?',
  ],
  [{ ...schema, effects: 'read', cache: { ttl: 60, tags: [] } }, 'has a list as cache.tags', 'Write params'],
])('a method is no %j', (method, reason, hint) => {
  const [message, advice] = withMethod(method)
  expect(message).toMatch(/^Cannot define service 'math': /)
  expect(message).toContain(reason)
  if (hint === undefined) expect(advice).toBe(undefined)
  else expect(advice).toContain(hint)
})

it.each([
  [undefined, 'Cannot define a service: its contract is undefined'],
  [null, 'Cannot define a service: its contract is null'],
  [{ name: 'math', methods: {} }, "Cannot define service 'math': its version is undefined"],
  [{ name: 5, version: 1, methods: {} }, 'Cannot define service 5: its name is not lower-case words'],
  [{ name: 'math', version: 1 }, "Cannot define service 'math': its methods are undefined"],
  [{ name: 'math', version: '1', methods: {} }, "Cannot define service 'math': its version is '1'"],
  [
    { name: 'math', version: 1, method: {} },
    "Cannot define service 'math': it has the unknown word 'method'",
  ],
])('a contract is no %j', (contract, message) => expect(define(contract)[0]).toContain(message))

it('takes schemas that are functions, as those of arktype are', () => {
  const called = Object.assign(() => undefined, { '~standard': z.unknown()['~standard'] })
  expect(withMethod({ params: called, result: called })).toEqual(['accepted', undefined])
})

const math = defineService({ name: 'math', version: 1, methods: { add: schema } })
const implement = (handlers: unknown, options?: unknown, contract: unknown = math) =>
  told(() => implementService(contract as ServiceContract, handlers as never, options as never))

it.each([
  [undefined, undefined, "Cannot serve math: method 'add' has no handler", 'Give implementService()'],
  [{ ad: () => 1 }, undefined, "Cannot serve math: method 'add' has no handler", "a handler 'ad'"],
  [{ add: 5 }, undefined, "Cannot serve math: the handler of method 'add' is 5, no function", 'Give'],
  [{ add: () => 1 }, 5, 'Cannot serve math: its options are 5', 'concurrency, target'],
  [{ add: () => 1 }, null, 'Cannot serve math: its options are null', 'concurrency, target'],
  [{ add: () => 1 }, { concurency: 1 }, 'Cannot serve math: there is no option concurency', 'concurrency?'],
  [{ add: () => 1 }, { concurrency: null }, 'Cannot serve add: its concurrency is null', 'whole number'],
  [{ add: () => 1 }, { concurrency: { sub: 1 } }, "it has no method 'sub' to limit", undefined],
  [{ add: () => 1 }, { allow: '' }, "Cannot serve math: allow is '', no list", undefined],
  [{ add: () => 1 }, { allow: 5 }, 'Cannot serve math: allow is 5, no list', undefined],
  [{ add: () => 1 }, { target: 'x' }, "Cannot serve math: target is 'x', no function", undefined],
])('handlers %o with options %j are refused before they are served', (handlers, options, reason, hint) => {
  const [message, advice] = implement(handlers, options)
  expect(message).toContain(reason)
  if (hint !== undefined) expect(advice).toContain(hint)
})

it('implementService() checks its contract, too', () =>
  expect(implement({}, undefined, { name: 'math', version: 1, methods: { add: {} } })[0]).toBe(
    "Cannot define service 'math': its method 'add' has no params",
  ))

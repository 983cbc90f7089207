import { localCallRequest } from '@agent-mesh/protocol/local-api'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { refusal } from '../../../../test/support/refusal.ts'
import { defineService, isIdempotent, parseMethod, type MethodContract } from './contract.ts'

const method = { params: z.unknown(), result: z.unknown() }
const define = (methods: readonly string[], name = 'files', version = 1) =>
  defineService({ name, version, methods: Object.fromEntries(methods.map(each => [each, method])) })

it.each(['read', 'readFile', 'read_file', 'read-file', 'r2_d2', 'a'.repeat(63)])(
  'a method may be called %s, in a contract and at the local API',
  name => {
    expect(define([name]).methods).toHaveProperty(name)
    expect(localCallRequest.safeParse({ method: `files.${name}`, params: {} }).success).toBe(true)
    expect(parseMethod(`files@1.${name}`)).toEqual({ service: 'files', method: `files.${name}` })
  },
)

it.each(['', '_read', '2read', 'read.file', 'read file', 'lësen', 'a'.repeat(64)])(
  'a method may not be called %j',
  async name => {
    expect(await refusal(() => define([name]))).toContain(
      `invalid_argument: Cannot define service 'files': its method`,
    )
  },
)

it.each([
  ['a service without a version', 0],
  ['a version that is no whole number', 1.5],
  ['a version beyond those of records', 1_000_000],
])('refuses %s', async (_, version) => {
  expect(await refusal(() => define(['read'], 'files', version))).toContain(`its version is ${version}`)
})

describe('what a method does to the world', () => {
  const defined = (words: object): MethodContract =>
    defineService({ name: 'files', version: 1, methods: { a: { ...method, ...words } } }).methods.a

  it('reading implies idempotence, and may not deny it', async () => {
    expect(isIdempotent(defined({ effects: 'read' }))).toBe(true)
    expect(isIdempotent(defined({ effects: 'destroy' }))).toBe(false)
    expect(isIdempotent(defined({ effects: 'destroy', idempotent: true }))).toBe(true)
    expect(isIdempotent(defined({}))).toBe(false)
    const refused = await refusal(() => defined({ effects: 'read', idempotent: false }))
    expect(refused).toContain("its method 'a' reads, and yet is not idempotent")
  })

  it.each([
    [{ effects: 'delete' }, "has the effects 'delete', not read, write, destroy"],
    [{ cache: { ttl: 1_000 } }, 'has a cache, and is not idempotent'],
    [{ effects: 'read', cache: { ttl: 0 } }, 'ttl of the cache of a'],
    [{ effects: 'read', cache: { ttl: 5, stale: -1 } }, 'stale time of the cache of a'],
  ])('refuses %j', async (words, reason) => {
    expect(await refusal(() => defined(words))).toContain(reason)
  })
})

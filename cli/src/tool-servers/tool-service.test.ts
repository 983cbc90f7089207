import { expect, it } from 'vitest'

import { toolService } from './tool-service.ts'

const notes = (allow?: readonly string[]) =>
  toolService({
    server: 'notes',
    tools: [{ name: 'list', inputSchema: { type: 'object' } }],
    unapproved: new Set(),
    allow,
    call: () => Promise.reject(new Error('nothing is called')),
  })
const { contract, options } = notes()
const validate = (params: unknown) => contract.methods['list']?.params['~standard'].validate(params)

it('a tool is called without arguments as with none', () => {
  expect(validate(undefined)).toEqual({ value: {} })
  expect(validate({ a: 1 })).toEqual({ value: { a: 1 } })
})

it.each([null, 7, 'text', [{ a: 1 }]])('%j is refused as its arguments, in words', params => {
  expect(validate(params)).toEqual({ issues: [{ message: 'the arguments of a tool are an object' }] })
})

it('is served to the members that its owner names, or to all', () => {
  expect(notes(['tag:ops']).options).toMatchObject({ allow: ['tag:ops'] })
  expect(options).not.toHaveProperty('allow')
})

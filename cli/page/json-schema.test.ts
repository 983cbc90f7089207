import { expect, test } from 'vitest'

import { fieldsOf, paramsOf } from './json-schema.ts'

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'of the machine' },
    count: { type: 'integer' },
    force: { type: 'boolean' },
    mode: { enum: ['fast', 1, null] },
    kind: { const: 'a' },
    list: { type: 'array' },
    any: {},
  },
  required: ['name', 'force'],
}

test('a form has a field for each property, and a choice where values are listed', () => {
  expect(fieldsOf(schema)?.map(({ name, kind, required }) => [name, kind, required])).toEqual([
    ['name', 'text', true],
    ['count', 'number', false],
    ['force', 'boolean', true],
    ['mode', 'choice', false],
    ['kind', 'choice', false],
    ['list', 'json', false],
    ['any', 'json', false],
  ])
  expect(fieldsOf(schema)?.[3]?.choices).toEqual(['"fast"', '1', 'null'])
  for (const other of [{}, { type: 'string' }, { type: 'object' }, { type: 'object', properties: null }])
    expect(fieldsOf(other)).toBeUndefined()
})

test('what was written becomes params of the types of the schema, and what is left empty is left out', () => {
  const fields = fieldsOf(schema)!
  const written = { name: '7', count: '7', force: 'true', mode: '"fast"', list: '[1]' }
  expect(paramsOf(fields, written)).toEqual({
    ...{ name: '7', count: 7, force: true, mode: 'fast', list: [1] },
  })
  expect(paramsOf(fields, {})).toEqual({ name: '', force: false })
  expect(() => paramsOf(fields, { count: 'x' })).toThrow('count is not a number.')
  expect(() => paramsOf(fields, { list: '[' })).toThrow('list is not JSON.')
})

import { expect, test } from 'vitest'
import { traceHeaders, traceOfHeaders } from './traceparent.ts'

const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)]
const parent = `${traceId}-${spanId}-01`
const trace = { traceId, spanId, flags: 1 }

test.each([
  ['of this version', `00-${parent}`],
  ['of a later version', `cc-${parent}`],
  ['of a later version that says more', `cc-${parent}-what-the-future-has`],
])('a traceparent %s is the trace of a request', (_, traceparent) => {
  expect(traceOfHeaders({ traceparent })).toEqual({ trace })
})

test.each([
  ['none', undefined],
  ['several', [`00-${parent}`, `00-${parent}`]],
  ['one of version ff', `ff-${parent}`],
  ['one that says more than its version has', `00-${parent}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
  ['a span id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
  ['upper case', `00-${parent.toUpperCase()}`],
  ['text behind it', `00-${parent} `],
  ['nothing but dashes', '---'],
])('%s is no trace, and its tracestate is none', (_, traceparent) => {
  expect(traceOfHeaders({ traceparent, tracestate: 'a=1' })).toEqual({})
})

test('a tracestate that is too long for a member is left out', () => {
  const stateOf = (tracestate: string) =>
    traceOfHeaders({ traceparent: `00-${parent}`, tracestate }).tracestate
  expect(stateOf('a=1,b=2')).toBe('a=1,b=2')
  expect(stateOf('a'.repeat(256))).toBe('a'.repeat(256))
  for (const left of ['', 'a'.repeat(257)]) expect(stateOf(left)).toBeUndefined()
})

test('a tracestate that no header can carry is left out', () => {
  for (const tracestate of ['a=\u0100', 'a=1\r\nb: 2'])
    expect(traceHeaders({ trace, tracestate })).toEqual(traceHeaders({ trace }))
})

test('the headers of a request are read as they were written', () => {
  for (const fields of [{}, { trace }, { trace, tracestate: 'a=1' }, { trace: { ...trace, flags: 0 } }])
    expect(traceOfHeaders(traceHeaders(fields))).toEqual(fields)
})

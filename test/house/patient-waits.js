/**
 * Lint rule: a test that waits for a condition gives it ten seconds or more. The wait ends with the condition, so a longer bound costs
 * nothing; vitest gives up after one second, which is little on a busy machine. What must be quick is measured: test/support/quickest.ts.
 */
const leastMs = 10_000

/** Whether a bound of its own is needed: that of expect.poll is in vitest.config.ts. Undefined: the call is no wait. */
function needsBound({ callee }) {
  if (callee.type !== 'MemberExpression') return undefined
  const name = `${callee.object.name}.${callee.property.name}`
  if (name === 'vi.waitFor' || name === 'vi.waitUntil') return true
  return name === 'expect.poll' ? false : undefined
}

/** The node of the bound; `unknown` where a variable has it, undefined where there is none. */
function boundOf(options) {
  if (options === undefined || options.type === 'Literal') return options
  if (options.type !== 'ObjectExpression') return 'unknown'
  const timeout = options.properties.find(({ key }) => key?.name === 'timeout')
  if (timeout !== undefined) return timeout.value.type === 'Literal' ? timeout.value : 'unknown'
  return options.properties.some(({ type }) => type === 'SpreadElement') ? 'unknown' : undefined
}

export const patientWaits = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      short:
        'A busy machine may need longer: give the condition 20_000 ms. What must be quick is measured with test/support/quickest.ts.',
    },
  },
  create: context => ({
    CallExpression(node) {
      const needed = needsBound(node)
      if (needed === undefined) return
      const bound = boundOf(node.arguments[1])
      const isShort = bound === undefined ? needed : bound !== 'unknown' && bound.value < leastMs
      if (isShort) context.report({ node, messageId: 'short' })
    },
  }),
}

/**
 * Lint rule: the delay of setTimeout, setInterval, AbortSignal.timeout and node:timers/promises is a constant of the program. Their
 * delays are 32 bits wide: a longer one, asked for by an option or computed, fires after 1 ms. Such delays go through
 * protocol/src/timers.ts.
 */
const promises = new Set(['node:timers/promises', 'timers/promises'])
const timers = new Set(['setTimeout', 'setInterval'])

function variableOf(scope, name) {
  for (let at = scope; at !== null; at = at.upper) {
    const found = at.set.get(name)
    if (found !== undefined) return found
  }
  return undefined
}

/** A number, an import, a constant of the module, a property of these, sums of all that, and what timerDelay() returns. */
function isConstant(node, scope) {
  switch (node.type) {
    case 'Literal':
      return typeof node.value === 'number'
    case 'UnaryExpression':
      return isConstant(node.argument, scope)
    case 'BinaryExpression':
      return isConstant(node.left, scope) && isConstant(node.right, scope)
    case 'MemberExpression':
      return !node.computed && isConstant(node.object, scope)
    case 'CallExpression':
      return node.callee.name === 'timerDelay'
    case 'Identifier': {
      const [def] = variableOf(scope, node.name)?.defs ?? []
      if (def === undefined) return false
      const moduleConst =
        def.type === 'Variable' &&
        def.parent.kind === 'const' &&
        def.parent.parent.type.match(/^Program|^Export/)
      return def.type === 'ImportBinding' || Boolean(moduleConst)
    }
    default:
      return false
  }
}

/** Which argument of a call is a delay; undefined when it starts no timer. */
function delayIndex({ callee }, scope) {
  if (callee.type === 'MemberExpression')
    return callee.object.name === 'AbortSignal' && callee.property.name === 'timeout' ? 0 : undefined
  if (callee.type !== 'Identifier') return undefined
  const [def] = variableOf(scope, callee.name)?.defs ?? []
  if (def === undefined) return timers.has(callee.name) ? 1 : undefined
  const isTimer =
    def.type === 'ImportBinding' &&
    def.parent.source.value.match(/timers/) !== null &&
    timers.has(def.node.imported?.name)
  if (!isTimer) return undefined
  return promises.has(def.parent.source.value) ? 0 : 1
}

export const constantDelays = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      free: 'This delay is no constant, and above 2,147,483,647 ms it fires at once: use startTimer, sleep, timeoutSignal or timerDelay of @agent-mesh/protocol/timers.',
    },
  },
  create: context => ({
    CallExpression(node) {
      const scope = context.sourceCode.getScope(node)
      const index = delayIndex(node, scope)
      const delay = index === undefined ? undefined : node.arguments[index]
      if (delay !== undefined && !isConstant(delay, scope)) context.report({ node: delay, messageId: 'free' })
    },
  }),
}

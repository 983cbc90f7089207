/** What a token may do. It narrows what the policy grants to the agent, and never widens it. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { actionsOf, covers } from '@agent-mesh/protocol/policy'
import * as z from 'zod/mini'

import { methodTarget } from './method-target.ts'

/** Kinds of acts that a scope can have. */
export const scopeActions = ['call', 'connect', 'publish', 'subscribe', 'serve'] as const
export type ScopeAction = (typeof scopeActions)[number]

const target = z.string().check(
  z.regex(/^[a-z]+:(?:[A-Za-z0-9._/-]{0,127}\*|[A-Za-z0-9._/-]{1,127})$/, {
    error: 'is not a target (service:math.*)',
  }),
)

const targets = z.optional(z.array(target).check(z.maxLength(64)))

/** A target of each act, for help and hints. */
export const exampleTargets: Readonly<Record<ScopeAction, string>> = {
  call: "'service:metrics.*' or service:math.add",
  connect: "'port:*' or port:ssh",
  publish: "'topic:alerts.*' or topic:alerts.disk",
  subscribe: "'topic:alerts.*' or topic:alerts.disk",
  serve: "'service:math.*' or service:math.add",
}

/** Targets by act, as the policy writes them. */
export const scopeSchema = z.strictObject({
  call: targets,
  connect: targets,
  publish: targets,
  subscribe: targets,
  /** What it may serve to others, by the methods that they call. */
  serve: targets,
})
export type Scope = z.output<typeof scopeSchema>

/** @param to `service:math.add` */
export const isInScope = (scope: Scope, action: ScopeAction, to: string): boolean =>
  (scope[action] ?? []).some(pattern => covers(pattern, to))

/** Whether a scope may reach something of a service, `math`. */
export const touches = (scope: Scope, service: string): boolean => {
  const beginning = methodTarget(service, '')
  return (scope.call ?? []).some(pattern => {
    const fixed = pattern.replace(/\*$/, '')
    return fixed.startsWith(beginning) || (pattern.endsWith('*') && beginning.startsWith(fixed))
  })
}

/** @throws MeshError invalid_argument for what is no target of its act, and when there is none */
export function checkScopeTargets(given: Scope): Scope {
  const scope: Scope = {}
  for (const action of scopeActions) {
    const targets = given[action]?.map(text => checkTarget(action, text))
    if (targets !== undefined) scope[action] = targets
  }
  if (Object.keys(scope).length > 0) return scope
  throw new MeshError('invalid_argument', 'Cannot make the token: it may do nothing', {
    hint: `Name what it may do, like --call ${exampleTargets.call}.`,
  })
}

/** @throws MeshError invalid_argument for what is no target of `action` */
function checkTarget(action: ScopeAction, text: string): string {
  if (z.safeParse(target, text).success && actionsOf(text).includes(action === 'serve' ? 'call' : action))
    return text
  throw new MeshError('invalid_argument', `'${text}' is not a target to ${action}`, {
    hint: `Write one as in the policy: ${exampleTargets[action]}.`,
  })
}

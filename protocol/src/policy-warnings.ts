/** Parts of a policy without effect: a grant that another one covers, an action of no target, names that no member has. */
import { actionsOf, covers, type Grant, type Policy } from './policy.ts'

/** Place in the policy: `['grants', 1, 'from', 0]`. */
export interface PolicyWarning {
  path: readonly (string | number)[]
  text: string
}

const kindOf = (target: string): string => target.slice(0, target.indexOf(':'))

/** Names of the current members and services, for {@link unmatchedNames}. */
export interface KnownNames {
  /** Every `role:`, `tag:`, `name:`, `peer:` that a member goes by, and `*`. */
  selectors: ReadonlySet<string>
  /** Names of services that are published: `math`. */
  services: ReadonlySet<string>
}

/** Warnings that the policy alone shows. @param adminTargets the existing ones: `admin:tokens`, … */
export function policyWarnings(policy: Policy, adminTargets: readonly string[]): PolicyWarning[] {
  return policy.grants.flatMap((grant, index) => [
    ...coveredBy(policy.grants, index),
    ...uselessParts(grant, index),
    ...unknownAdminTargets(grant, index, adminTargets),
  ])
}

/** The first other grant that allows everything this one does; of two that allow the same the later one is reported. */
function coveredBy(grants: readonly Grant[], index: number): PolicyWarning[] {
  const grant = grants[index]
  if (grant === undefined) return []
  const other = grants.findIndex(
    (each, place) => place !== index && includes(each, grant) && (place < index || !includes(grant, each)),
  )
  return other < 0
    ? []
    : [{ path: ['grants', index], text: `adds nothing: grants.${other} allows all of it` }]
}

const includes = (wide: Grant, narrow: Grant): boolean =>
  narrow.allow.every(action => wide.allow.includes(action)) &&
  narrow.from.every(selector => wide.from.includes('*') || wide.from.includes(selector)) &&
  narrow.to.every(target => wide.to.some(pattern => covers(pattern, target)))

function uselessParts({ to, allow }: Grant, index: number): PolicyWarning[] {
  const useless = allow.flatMap((action, place): PolicyWarning[] =>
    to.some(target => actionsOf(target).includes(action))
      ? []
      : [{ path: ['grants', index, 'allow', place], text: `'${action}' is asked of none of its targets` }],
  )
  const unasked = to.flatMap((target, place): PolicyWarning[] =>
    allow.some(action => actionsOf(target).includes(action))
      ? []
      : [
          {
            path: ['grants', index, 'to', place],
            text: `${target} is asked for ${asked(target)}, which it does not allow`,
          },
        ],
  )
  return [...useless, ...unasked]
}

const asked = (target: string): string => actionsOf(target).join(' or ')

const unknownAdminTargets = ({ to }: Grant, index: number, known: readonly string[]): PolicyWarning[] =>
  to.flatMap((target, place) =>
    kindOf(target) !== 'admin' || known.some(each => covers(target, each))
      ? []
      : [
          {
            path: ['grants', index, 'to', place],
            text: `there is no ${target}; there are ${known.join(', ')}`,
          },
        ],
  )

/** Selectors that no member has now, and patterns that no published service fits: misspelt, or for members to come. */
export function unmatchedNames({ grants }: Policy, { selectors, services }: KnownNames): PolicyWarning[] {
  return grants.flatMap(({ from, to }, index) => [
    ...from.flatMap((selector, place) =>
      selectors.has(selector)
        ? []
        : [{ path: ['grants', index, 'from', place], text: `no member of the map has ${selector} now` }],
    ),
    ...to.flatMap((target, place) =>
      kindOf(target) !== 'service' || [...services].some(service => mayName(target, service))
        ? []
        : [{ path: ['grants', index, 'to', place], text: `no member of the map serves ${target} now` }],
    ),
  ])
}

/** Whether some method of the service may be covered: all of a pattern before its `*`, or the whole service before a method. */
const mayName = (pattern: string, service: string): boolean => {
  const whole = `service:${service}.`
  return pattern.endsWith('*')
    ? whole.startsWith(pattern.slice(0, -1)) || pattern.startsWith(whole)
    : pattern.startsWith(whole)
}

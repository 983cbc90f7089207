/** What changes for whom when one policy replaces another: the dry run of a write. */
import { actionsOf, findGrant, selectorsOf, type Action, type Policy, type Subject } from './policy.ts'

/** Something a member may do. */
export type Permission = { action: Action; target: string }

export interface PermissionChange {
  gained: Permission[]
  lost: Permission[]
}

/**
 * Every target worth asking about: those either policy names (`service:*` means all of them) and the services that
 * are really published, by name.
 */
export function targetsOf(policies: readonly Policy[], services: Iterable<string>): string[] {
  const named = policies.flatMap(({ grants }) => grants.flatMap(({ to }) => to))
  return [...new Set([...named, ...[...services].map(service => `service:${service}.*`)])].sort()
}

/** Compares two policies for one member after the other; members whom both name alike are compared once. */
export function policyComparison(before: Policy, after: Policy, targets: readonly string[]) {
  const pairs = targets.flatMap(target => actionsOf(target).map(action => ({ action, target })))
  const named = new Set([before, after].flatMap(({ grants }) => grants.flatMap(({ from }) => from)))
  const known = new Map<string, PermissionChange>()

  const compare = (selectors: ReadonlySet<string>): PermissionChange => {
    const change: PermissionChange = { gained: [], lost: [] }
    for (const { action, target } of pairs) {
      const had = findGrant(before, selectors, action, target) !== undefined
      const has = findGrant(after, selectors, action, target) !== undefined
      if (had !== has) change[has ? 'gained' : 'lost'].push({ action, target })
    }
    return change
  }

  return (subject: Subject): PermissionChange => {
    const selectors = new Set([...selectorsOf(subject)].filter(selector => named.has(selector)))
    const key = [...selectors].sort().join()
    const change = known.get(key) ?? compare(selectors)
    known.set(key, change)
    return change
  }
}

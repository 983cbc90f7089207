import { checks } from './checks/index.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'

export type Line = Finding & { check: string }

/** What all checks that have something to say find, in their order. */
export const examine = (facts: Facts): Line[] =>
  checks.flatMap(({ name, look }) => {
    const finding = look(facts)
    return finding === undefined ? [] : [{ check: name, ...finding }]
  })

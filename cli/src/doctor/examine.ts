import { checks } from './checks/index.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'

export type Line = Finding & { check: string }

/** The findings of all checks that have one, in their order. */
export const examine = (facts: Facts): Line[] =>
  checks.flatMap(({ name, look }) => {
    const finding = look(facts)
    return finding === undefined ? [] : [{ check: name, ...finding }]
  })

import type { Scenario } from '../scenario.ts'

/** In the order they run. */
export const scenarios: Readonly<Record<string, Scenario>> = {}

import { vi } from 'vitest'

/** Waits until a condition holds, and resolves with it. The limit is for what never comes: a busy machine may take long. */
export const until = <T>(condition: () => T | Promise<T>) =>
  vi.waitUntil(condition, { timeout: 20_000, interval: 5 })

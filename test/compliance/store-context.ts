import type { Store } from '@agent-mesh/lambdas'
import { afterEach, beforeEach } from 'vitest'
import { testClock, type StoreSetup, type TestClock } from './store-fixture.ts'

export interface StoreContext {
  clock: TestClock
  store: Store
  /** Another handle on the same database each time, where the adapter has several. */
  any(): Store
  /** From now on nothing can be written to the audit chain. @returns a function that ends this */
  breakAudit(): Promise<() => Promise<void>>
  /** Every handle. */
  all(): readonly Store[]
}

/** A fresh database for each test of the enclosing suite. */
export function useStore(common: StoreSetup, options: { maxMembers?: number } = {}): StoreContext {
  const context = {} as StoreContext
  let teardown = async (): Promise<void> => {}
  beforeEach(async () => {
    const clock = testClock()
    const made = await common.setup({ clock, ...options })
    let turn = 0
    Object.assign(context, {
      clock,
      store: made.stores[0],
      any: () => made.stores[turn++ % made.stores.length],
      all: () => made.stores,
      breakAudit: made.breakAudit,
    })
    teardown = made.teardown
  })
  afterEach(() => teardown())
  return context
}

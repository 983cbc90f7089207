/**
 * The promise of what a handler returned; undefined for a plain value. `then` of anything but a native promise is called once: a
 * query of knex, drizzle or mongoose runs each time it is.
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (value instanceof Promise) return value as Promise<unknown>
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  return 'then' in value && typeof value.then === 'function' ? Promise.resolve(value) : undefined
}

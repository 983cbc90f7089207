/** A service of today that the release before can serve, too: its words for a contract are ignored there (`agent-mesh up --serve`). */
import * as z from 'zod'

/** What handlers of today have, and those of the release before do not. */
interface Context {
  error?(name: string, details: unknown, reason: string): Error
}

const contract = {
  name: 'parcels',
  version: 1,
  methods: {
    add: {
      about: 'The sum.',
      params: z.object({ a: z.number(), b: z.number() }),
      result: z.number(),
      effects: 'read',
      idempotent: true,
      timeout: 20_000,
      largest: 4 * 1024 * 1024,
    },
    lost: {
      params: z.object({ id: z.string() }),
      result: z.null(),
      errors: { no_such_parcel: z.object({ id: z.string() }) },
    },
    breaks: { params: z.object({}), result: z.null() },
    size: {
      params: z.object({ text: z.string() }),
      result: z.number(),
      effects: 'read',
      idempotent: true,
    },
    watch: { params: z.object({ count: z.number() }), yields: z.number(), result: z.number() },
  },
} as const

export const parcels = {
  contract,
  handlers: {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    lost({ id }: { id: string }, context: Context) {
      const reason = `there is no parcel ${id}`
      throw context.error?.('no_such_parcel', { id }, reason) ?? new Error(reason)
    },
    breaks() {
      throw new Error('the password is swordfish')
    },
    size: ({ text }: { text: string }) => text.length,
    async *watch({ count }: { count: number }) {
      for (let n = 1; n <= count; n++) yield await Promise.resolve(n)
      return count
    },
  },
}

/** What every agent of the lab serves (`agent-mesh up --serve`). */
import { defineService, implementService } from '@agent-mesh/agent'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod/mini'

/** Below what one body may carry, 1 MiB. */
const maxChars = 1_000_000

const contract = defineService({
  name: 'lab',
  version: 1,
  methods: {
    echo: { params: z.unknown(), result: z.unknown(), idempotent: true },
    read: {
      about: 'Answers with so many characters.',
      params: z.object({ chars: z.int().check(z.minimum(0), z.maximum(maxChars)) }),
      result: z.string(),
      idempotent: true,
    },
    wait: {
      about: 'Answers after so many milliseconds.',
      params: z.object({ ms: z.int().check(z.minimum(0), z.maximum(60_000)) }),
      result: z.number(),
    },
  },
})

export const lab = implementService(contract, {
  echo: params => params ?? null,
  read: ({ chars }) => 'x'.repeat(chars),
  wait: async ({ ms }, { signal }) => {
    await delay(ms, undefined, { signal })
    return ms
  },
})

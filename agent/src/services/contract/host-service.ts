/** The contract of the service that every member serves; apart from its handlers, as the types of all callers contain it. */
import { pathReportSchema } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { defineService } from './contract.ts'

const bytes = z.number().check(z.nonnegative())
const seconds = z.number().check(z.nonnegative())

const jsonSchema = z.record(z.string(), z.unknown())

const describedService = z.looseObject({
  /** `math@2` */
  service: z.string(),
  methods: z.array(
    z.looseObject({
      /** `add` */
      name: z.string(),
      about: z.optional(z.string()),
      idempotent: z.optional(z.boolean()),
      /** Of a call without a deadline of its own. */
      timeoutMs: z.optional(z.number()),
      /** `read`, `write`, `destroy`, or a word of a later version. */
      effects: z.optional(z.string()),
      /** JSON Schema of what the wire carries; `{}` where the contract has none. Absent from members of an older version. */
      params: z.optional(jsonSchema),
      result: z.optional(jsonSchema),
      /** Of methods that stream: messages of the caller, and of the callee. */
      takes: z.optional(jsonSchema),
      yields: z.optional(jsonSchema),
      /** Declared errors, and what their details are. */
      errors: z.optional(z.record(z.string(), jsonSchema)),
    }),
  ),
})
export type DescribedService = z.output<typeof describedService>

/** What every agent says about its machine, and about how it reaches others. */
export const hostService = defineService({
  name: 'host',
  version: 1,
  methods: {
    info: {
      about: 'CPU, memory, disk, uptime and versions of the machine and the agent.',
      params: z.optional(z.looseObject({})),
      result: z.looseObject({
        hostname: z.string(),
        os: z.looseObject({ platform: z.string(), release: z.string(), arch: z.string() }),
        cpu: z.looseObject({
          model: z.string(),
          cores: z.number(),
          /** Runnable tasks, averaged over 1, 5 and 15 minutes. */
          load: z.array(z.number()),
        }),
        /** `rss` is the agent's. */
        memory: z.looseObject({ total: bytes, free: bytes, rss: bytes }),
        /** Of the file system with the agent's data; absent where it cannot be read. */
        disk: z.optional(z.looseObject({ total: bytes, free: bytes })),
        uptime: z.looseObject({ host: seconds, agent: seconds }),
        versions: z.looseObject({ agent: z.string(), node: z.string() }),
      }),
      idempotent: true,
      timeout: 5_000,
    },
    path: {
      about: 'How this member reaches another, and why so.',
      params: z.looseObject({ to: z.string().check(z.minLength(1), z.maxLength(128)) }),
      result: pathReportSchema,
      idempotent: true,
      timeout: 5_000,
    },
    describe: {
      about: 'The services of this member that the caller may call, with their methods.',
      params: z.optional(z.looseObject({ service: z.optional(z.string().check(z.maxLength(128))) })),
      result: z.looseObject({ services: z.array(describedService) }),
      idempotent: true,
      timeout: 5_000,
    },
  },
})

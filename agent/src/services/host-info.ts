import { statfs } from 'node:fs/promises'
import {
  arch,
  availableParallelism,
  cpus,
  freemem,
  hostname,
  loadavg,
  platform,
  release,
  totalmem,
  uptime,
} from 'node:os'
import { pathReportSchema, type PathReport } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { defineService } from './contract.ts'
import type { Handlers } from './typed.ts'

const bytes = z.number().check(z.nonnegative())
const seconds = z.number().check(z.nonnegative())

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
  },
})

export interface HostInfoInit {
  /** Of the agent, as `agent-mesh --version` says it. */
  readonly version: string
  /** A path on the file system to measure: the data folder. */
  readonly diskPath: string
  /** How a member, by name or peer id, is reached. @throws MeshError not_found */
  readonly pathTo: (member: string) => PathReport
}

export const hostHandlers = ({
  version,
  diskPath,
  pathTo,
}: HostInfoInit): Handlers<typeof hostService.methods> => ({
  path: ({ to }) => pathTo(to),
  info: async () => {
    const disk = await diskOf(diskPath)
    return {
      hostname: hostname(),
      os: { platform: platform(), release: release(), arch: arch() },
      cpu: { model: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), load: loadavg() },
      memory: { total: totalmem(), free: freemem(), rss: process.memoryUsage.rss() },
      ...(disk === undefined ? {} : { disk }),
      uptime: { host: uptime(), agent: process.uptime() },
      versions: { agent: version, node: process.versions.node },
    }
  },
})

/** A full or missing disk must not keep the rest from being told. */
async function diskOf(path: string): Promise<{ total: number; free: number } | undefined> {
  try {
    const { bsize, blocks, bavail } = await statfs(path)
    return { total: bsize * blocks, free: bsize * bavail }
  } catch {
    return undefined
  }
}

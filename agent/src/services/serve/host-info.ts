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
import type { PathReport, Subject } from '@agent-mesh/protocol'
import type { DescribedService, hostService } from '../contract/host-service.ts'
import type { Handlers } from '../contract/typed.ts'

export interface HostInfoInit {
  /** Of the agent, as `agent-mesh --version` says it. */
  readonly version: string
  /** A path on the file system to measure: the data folder. */
  readonly diskPath: string
  /** How a member, by name or peer id, is reached. @throws MeshError not_found */
  readonly pathTo: (member: string) => PathReport
  /** The services that `caller` may call; of one name or `name@version` when that is given. */
  readonly describe: (caller: Subject, service?: string) => DescribedService[]
}

export const hostHandlers = ({
  version,
  diskPath,
  pathTo,
  describe,
}: HostInfoInit): Handlers<typeof hostService.methods> => ({
  path: ({ to }) => pathTo(to),
  describe: (params, { caller }) => ({ services: describe(caller, params?.service) }),
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

/** A full or missing disk must not keep the rest from being reported. */
async function diskOf(path: string): Promise<{ total: number; free: number } | undefined> {
  try {
    const { bsize, blocks, bavail } = await statfs(path)
    return { total: bsize * blocks, free: bsize * bavail }
  } catch {
    return undefined
  }
}

/** Prometheus metrics of the paths of a member: bytes over each kind, and how often one fell silent. */
import { Counter, type Registry } from 'prom-client'

interface ObservedLink {
  readonly path: string
  readonly suspect: boolean
}

interface Bytes {
  readonly bytesSent: number
  readonly bytesReceived: number
}

export interface PathMetricsInit<L extends ObservedLink> {
  registry: Registry
  links: {
    all(): readonly L[]
    onDown(callback: (link: L) => void): () => void
    onDoubt(callback: (link: L) => void): () => void
  }
  /** RPC bytes of a link so far; they only rise. */
  bytesOf: (link: L) => Bytes
}

export function observePaths<L extends ObservedLink>({ registry, links, bytesOf }: PathMetricsInit<L>): void {
  const counted = new WeakMap<L, Bytes>()
  const bytes = new Counter({
    name: 'agent_mesh_path_bytes_total',
    help: 'Bytes of calls over links of each path',
    labelNames: ['path', 'direction'],
    registers: [registry],
    collect: () => links.all().forEach(count),
  })
  const count = (link: L): void => {
    const { bytesSent, bytesReceived } = bytesOf(link)
    const before = counted.get(link) ?? { bytesSent: 0, bytesReceived: 0 }
    bytes.inc({ path: link.path, direction: 'sent' }, bytesSent - before.bytesSent)
    bytes.inc({ path: link.path, direction: 'received' }, bytesReceived - before.bytesReceived)
    counted.set(link, { bytesSent, bytesReceived })
  }
  const suspects = new Counter({
    name: 'agent_mesh_path_suspects_total',
    help: 'Links whose peer fell silent with work in flight, or as a relay',
    labelNames: ['path'],
    registers: [registry],
  })
  links.onDown(count)
  links.onDoubt(link => {
    if (link.suspect) suspects.inc({ path: link.path })
  })
}

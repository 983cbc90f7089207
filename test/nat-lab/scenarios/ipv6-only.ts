import { promises } from '../report.ts'
import type { Scenario } from '../scenario.ts'
import { shell } from '../shell.ts'
import type { Host } from '../topology.ts'
import { settledPath } from './pair-mesh.ts'

/** What home routers do with IPv6: no NAT, and nothing new comes in. */
const firewall = ({ namespace }: Host): Promise<string> =>
  shell(`ip netns exec ${namespace} nft -f - <<'RULES'
table inet lab {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "wan" meta l4proto { tcp, udp } ct state new drop
  }
}
RULES`)

export const ipv6Only: Scenario = {
  about: 'Nobody has IPv4: one agent is open, two are behind firewalls that let nothing new in.',
  families: 'ip6',
  run: async ({ topology, startMesh }) => {
    const mesh = await startMesh()
    const hosts = [
      await topology.host('open6', 'open'),
      await topology.host('wall6-1', 'open'),
      await topology.host('wall6-2', 'open'),
    ]
    await Promise.all(hosts.slice(1).map(firewall))
    const [open, wall, other] = await mesh.addAgents(hosts)
    if (open === undefined || wall === undefined || other === undefined)
      throw new Error([...mesh.failed.values()].join('; '))
    await mesh.converged()
    const call = (peer: string) => ({ method: 'lab.echo', params: 1, peer, timeoutMs: 10_000 })
    const toWall = await open.api.call(call(wall.site.name))
    const between = await wall.api.call(call(other.site.name))
    const [open_path, wall_path] = [await settledPath(open, wall), await settledPath(wall, other)]
    const slow = [toWall, between].filter(({ ms }) => ms >= promises.connectMs)
    return {
      figures: { call_ms: Math.round(toWall.ms), wall_call_ms: Math.round(between.ms), open_path, wall_path },
      wrong: [
        ...slow.map(({ ms }) => `a call took ${Math.round(ms)} ms`),
        ...(open_path === 'direct' ? [] : [`open and walled are connected by ${open_path ?? 'nothing'}`]),
        ...(wall_path === 'direct' || wall_path === 'webrtc'
          ? []
          : [`two walled ones are connected by ${wall_path ?? 'nothing'}`]),
      ],
    }
  },
}

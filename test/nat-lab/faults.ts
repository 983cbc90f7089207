/** What can happen to a network, as the lab does it. */
import { shell } from './shell.ts'
import { setRules, type Host } from './topology.ts'
import { internetRouter } from './address-plan.ts'

/** Drops every packet of a host, both ways and silently, as a broken router does. @returns ends it */
export async function blackHole(namespace: string): Promise<() => Promise<void>> {
  await shell(`ip netns exec ${namespace} nft -f - <<'RULES'
table inet hole {
  chain in { type filter hook prerouting priority -300; iifname != "lo" drop; }
  chain out { type filter hook output priority -300; oifname != "lo" drop; }
}
RULES`)
  return async () => void (await shell(`ip netns exec ${namespace} nft delete table inet hole`))
}

/** A router forgets all its connections and gives other ports from now on: taking its address away does that. */
export async function rebind({ routers: [router = ''], address: { ip4 }, lanAddress }: Host): Promise<void> {
  await shell(`${setRules(router, 'cone', lanAddress, true)}
    ip -n ${router} addr del ${ip4}/24 dev wan
    ip -n ${router} addr add ${ip4}/24 dev wan
    ip -n ${router} route replace default via ${internetRouter}`)
}

/** A router forgets every connection that was silent for so long. */
export async function forgetAfter({ routers }: Host, seconds: number): Promise<void> {
  const names = ['tcp_timeout_established', 'udp_timeout', 'udp_timeout_stream']
  const settings = names.map(name => `net.netfilter.nf_conntrack_${name}=${seconds}`).join(' ')
  await shell(routers.map(router => `ip netns exec ${router} sysctl -qw ${settings}`).join('\n'))
}

/** What a host sends, and what it gets, is no faster than this, with a queue of 100 ms. */
export async function slowUplink({ routers }: Host, mbits: number): Promise<void> {
  const router = routers.at(-1) ?? ''
  const shape = `root tbf rate ${mbits}mbit burst 32k latency 100ms`
  await shell(`tc -n ${router} qdisc add dev wan ${shape}
    tc -n ${router} qdisc add dev lan ${shape}`)
}

/** The router of a network loses the Internet; the network itself goes on. */
export const unplug = ({ routers: [router = ''] }: Host): Promise<string> =>
  shell(`ip -n ${router} link set wan down`)

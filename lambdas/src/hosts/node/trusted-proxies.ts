/** Reverse proxies that are trusted to name the sender of a request: a number of hops, or their networks. */
import { MeshError } from '@agent-mesh/protocol'
import { BlockList, isIP } from 'node:net'

/** The number of proxies in a chain in front; or the networks of all proxies. */
export type TrustedProxies = { hops: number } | { networks: BlockList }

const mostHops = 16

/**
 * Reads `1`, or `10.0.0.0/8,2001:db8::/32,192.0.2.7`.
 * @throws MeshError invalid_argument naming what is neither
 */
export function parseTrustedProxies(text: string): TrustedProxies {
  if (/^\d+$/.test(text)) {
    const hops = Number(text)
    if (hops >= 1 && hops <= mostHops) return { hops }
    throw refused(text, `the number of proxies is not 1 to ${mostHops}`)
  }
  const networks = new BlockList()
  for (const part of text.split(',')) addNetwork(networks, part.trim(), text)
  return { networks }
}

function addNetwork(networks: BlockList, part: string, text: string): void {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(part) ?? []
  const version = isIP(address)
  if (version === 0) throw refused(text, `${part === '' ? 'an empty part' : part} is no address or network`)
  const most = version === 4 ? 32 : 128
  const prefix = bits === undefined ? most : Number(bits)
  if (prefix > most) throw refused(text, `${part} has a prefix over ${most}`)
  // All addresses: every sender would be a trusted proxy.
  if (prefix === 0) throw refused(text, `${part} trusts every sender`)
  networks.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
}

const refused = (text: string, reason: string): MeshError =>
  new MeshError('invalid_argument', `Cannot trust proxies ${text.slice(0, 200)}: ${reason}`, {
    hint: 'Give the number of proxies in front (1), or their networks: 10.0.0.0/8,192.0.2.7.',
  })

/** Whether an address is in the networks. @param address an IP address */
export const isWithin = (networks: BlockList, address: string): boolean =>
  networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

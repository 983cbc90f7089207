/** Checks of an address beyond its pattern: host and port are valid. libp2p throws for others. */

const ip4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/
const domain = /^(?!-)[0-9A-Za-z.-]+$/

const hostFits = (kind: string, host: string): boolean => {
  if (kind === 'ip4') return ip4.test(host)
  if (kind === 'ip6') return host.includes(':') && URL.canParse(`http://[${host}]/`)
  return domain.test(host)
}

/** Whether a record may list `/KIND/HOST/TRANSPORT/PORT/…`: its host and port exist, and no relay is on the way. */
export function isListable(addr: string): boolean {
  const [, kind = '', host = '', , port = '', ...rest] = addr.split('/', 16)
  return hostFits(kind, host) && Number(port) <= 65_535 && !rest.includes('p2p-circuit')
}

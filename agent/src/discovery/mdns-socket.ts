/** Multicast DNS on one interface. The only file that imports the driver. */
import multicastDns from 'multicast-dns'
import { BlockList } from 'node:net'
import type { DnsRecord } from './mdns-messages.ts'

export interface MdnsSocketInit {
  /** IPv4 address of the interface, and its subnet: `192.168.1.20/24`. */
  address: string
  cidr: string
  port: number
  /** @param from address of a host on the subnet */
  onQuery: (questions: readonly { type?: unknown; name?: unknown }[], from: string) => void
  onResponse: (records: readonly DnsRecord[], from: string) => void
  onError: (error: Error) => void
}

export interface MdnsSocket {
  ask(name: string): void
  tell(records: DnsRecord[]): void
  close(): Promise<void>
}

/** Packets from outside the interface's subnet are ignored: they were routed, or belong to another interface. */
export function openMdnsSocket(init: MdnsSocketInit): MdnsSocket {
  const { address, cidr, port, onQuery, onResponse, onError } = init
  const subnet = new BlockList()
  const [network = address, bits = '32'] = cidr.split('/')
  subnet.addSubnet(network, Number(bits), 'ipv4')
  const driver = multicastDns({ port, interface: address, bind: '0.0.0.0' })
  driver.on('query', ({ questions }, { address: from }) => {
    if (subnet.check(from, 'ipv4')) onQuery(questions ?? [], from)
  })
  driver.on('response', ({ answers, additionals }, { address: from }) => {
    if (subnet.check(from, 'ipv4')) onResponse([...(answers ?? []), ...(additionals ?? [])], from)
  })
  driver.on('error', onError)
  // An unreadable packet of another host, or an interface that disappeared: neither is a failure of this socket.
  driver.on('warning', () => {})
  return {
    ask: name => driver.query({ questions: [{ type: 'PTR', name }] }),
    tell: records => driver.respond({ answers: records as never }),
    close: () => new Promise(resolve => driver.destroy(() => resolve())),
  }
}

import type { MemberRecord } from '@agent-mesh/protocol'
import type { NetworkInterfaceInfo } from 'node:os'
import { expect, it } from 'vitest'
import { createLogger } from '../observe/logger.ts'
import { NetworkWatch } from '../transport/index.ts'
import { followNetwork } from './follow-network.ts'

it('a member on another network lists its addresses anew, and again what it lists beside them', () => {
  const outer = (address: string) => [{ address, internal: false } as NetworkInterfaceInfo]
  let interfaces = { eth0: outer('192.0.2.1') }
  const updates: Partial<MemberRecord>[] = []
  const network = new NetworkWatch({ interfaces: () => interfaces, wallClock: () => 0, onError: () => {} })
  followNetwork({
    transport: { addresses: () => ['/ip4/198.51.100.7/tcp/4001'], upgrader: undefined },
    publisher: { update: change => Promise.resolve(void updates.push(change)) },
    pathWatch: { probeAll: () => {} },
    alsoListed: ([first]) => [`${first}/of-the-kind`],
    log: createLogger('test', 'silent'),
    network,
  })
  interfaces = { eth0: outer('192.0.2.2') }
  network.look()
  expect(updates).toEqual([
    { addrs: ['/ip4/198.51.100.7/tcp/4001', '/ip4/198.51.100.7/tcp/4001/of-the-kind'] },
  ])
})

/** What a member does when the network of its host changes: it probes every path and publishes its addresses. */
import { networkInterfaces } from 'node:os'
import { limits } from '@agent-mesh/protocol'
import type { RecordPublisher } from '../discovery/record-publisher.ts'
import type { Logger } from '../observe/logger.ts'
import { NetworkWatch, type NetworkChange, type Transport } from '../transport/index.ts'
import { listedAddresses } from './listed-addresses.ts'
import type { PathWatch } from '../paths/path-watch.ts'

export interface FollowNetworkInit {
  transport: Pick<Transport, 'addresses' | 'upgrader'>
  publisher: Pick<RecordPublisher, 'update'>
  pathWatch: Pick<PathWatch, 'probeAll'>
  /** Addresses that the record lists beside those. */
  alsoListed: ((addrs: readonly string[]) => string[]) | undefined
  log: Logger
  /** @default that of this host */
  network?: NetworkWatch
}

/** Follows the network of the host. @returns the watch, to be started, for callers with more to do */
export function followNetwork(init: FollowNetworkInit): NetworkWatch {
  const { transport, publisher, pathWatch, alsoListed, log, network } = init
  const onError = (err: unknown) =>
    log.error({ event: 'network-not-followed', err }, 'change of the network not followed')
  const watch = network ?? new NetworkWatch({ onError })
  watch.onChange((change: NetworkChange) => {
    log.info({ ...change, event: 'network-changed' }, 'the network of this host changed')
    pathWatch.probeAll()
    transport.upgrader?.changed()
    const addrs = listedAddresses(transport.addresses(), networkInterfaces())
    publisher
      .update({ addrs: [...addrs, ...(alsoListed?.(addrs) ?? [])].slice(0, limits.addrs) })
      .catch(onError)
  })
  return watch
}

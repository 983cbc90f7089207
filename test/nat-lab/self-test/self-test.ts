/** Shows that each kind of network does what its name says: a wrong lab would measure something else. */
import { join } from 'node:path'
import { relayAddresses } from '../address-plan.ts'
import { kinds, type Kind } from '../kinds.ts'
import { LabProcess } from '../lab-process.ts'
import { inside, shell } from '../shell.ts'
import type { Topology } from '../topology.ts'
import { differences, expectedFacts, type Facts } from './facts.ts'

const file = (name: string) => join(import.meta.dirname, name)

export interface KindCheck {
  kind: Kind
  /** Empty when it is as it should be. */
  wrong: string[]
}

/** @returns a check for each kind */
export async function selfTest(topology: Topology): Promise<KindCheck[]> {
  const servers = await Promise.all(relayAddresses.map((_, n) => startServer(topology, n)))
  const check = async (kind: Kind): Promise<KindCheck> => {
    const facts = await factsOf(topology, kind)
    return { kind, wrong: differences(facts, expectedFacts[kind]) }
  }
  const checks = await Promise.all(kinds.map(check))
  await Promise.all(servers.map(server => server.stop('SIGKILL')))
  return checks
}

async function startServer(topology: Topology, n: number): Promise<LabProcess> {
  const [first, second] = relayAddresses
  const address = n === 0 ? first : second
  const { namespace } = await topology.publicSite(`probe-${n}`, address)
  const command = [process.execPath, file('probe-server.ts'), address.ip4]
  return started(new LabProcess({ namespace, command, logFile: '/dev/null' }))
}

async function started(running: LabProcess): Promise<LabProcess> {
  await running.ready
  return running
}

async function factsOf(topology: Topology, kind: Kind): Promise<Facts> {
  const { namespace, address, proxy, routers } = await topology.host(`probe-${kind}`, kind)
  const [first, second] = relayAddresses
  const args = [first.ip4, second.ip4, address.ip4]
  if (proxy !== undefined) {
    args.push(`${proxy.host}:${proxy.port}`)
    const command = [process.execPath, file('../connect-proxy.ts'), proxy.host, String(proxy.port)]
    await started(new LabProcess({ namespace: routers[0] ?? '', command, logFile: '/dev/null' }))
  }
  return JSON.parse(
    await shell(inside(namespace, [process.execPath, file('probe-client.ts'), ...args]).join(' ')),
  ) as Facts
}

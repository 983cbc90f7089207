import { targetOf, TestTransports } from '@agent-mesh/agent/transport/testing/test-transports'
import type { Link, Transport } from '@agent-mesh/agent/transport/index'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { circuitServer, type CircuitServer } from './circuit-server.ts'

/** Some in every run of the tests; `npm run test:path-changes` makes a thousand. */
const changes = Number(process.env['PATH_CHANGES'] ?? 40)

let mesh: TestTransports
let relay: Transport
let circuit: CircuitServer
beforeEach(async () => {
  mesh = await TestTransports.create()
  circuit = circuitServer()
  relay = await mesh.start(await mesh.member('relay', ['relay']), {
    relay: circuit.relay,
  })
  circuit.attach(relay)
})
afterEach(() => mesh.stop())

/** Sockets, timers and the like that keep this process busy. */
const resources = (): number => process.getActiveResourcesInfo().length

/** The link of `of` at the other end. */
const linksTo = (from: Transport, to: Transport): Link[] => from.links.of(to.peerId)

it(
  `${changes} changes between a relayed and a direct path leave no link, stream, socket or timer behind`,
  { timeout: 3_000 * changes },
  async () => {
    const callee = await mesh.join('callee')
    callee.relayClient().update([{ peerId: relay.peerId, addrs: relay.addresses() }])
    await until(() => callee.relayClient().homeRelays().length === 1)
    const caller = await mesh.join('caller', { listen: [] })
    const target = targetOf(callee, [{ peerId: relay.peerId, addrs: relay.addresses() }])
    const idle = () => [caller, callee].every(({ links }) => links.all().every(link => !link.busy))
    const alone = () => linksTo(caller, callee).length + linksTo(callee, caller).length === 2

    const change = async () => {
      const relayed = await caller.connect(target, { paths: 'relay' })
      // Silent for the caller, which opens the direct link; when it sends again, the relayed one is retired.
      caller.links.suspect(relayed)
      expect(await caller.connect(target)).toMatchObject({ path: 'direct' })
      // The relayed one may be closed by then: where the callee is the lower of the two, it retires it by itself.
      await until(() => linksTo(callee, caller).some(({ path }) => path === 'direct'))
      caller.links.trust(relayed)
      for (const link of linksTo(callee, caller)) if (link.path === 'relay') callee.links.retire(link)
      await relayed.closed
      await until(alone)
      expect(caller.links.best(callee.peerId)).toMatchObject({ path: 'direct' })
      await caller.links.best(callee.peerId)?.close()
      await until(() => linksTo(callee, caller).length === 0 && circuit.circuits() === 0)
    }

    await change()
    await until(idle)
    const before = resources()
    for (let i = 1; i < changes / 2; i++) await change()
    // One left by each change would be twice as many; timers of the members themselves come and go.
    await until(() => idle() && resources() <= before + changes / 4)
    expect([caller.links.size, callee.links.size, relay.links.size]).toEqual([1, 1, 2])
    expect(circuit.reservations()).toEqual([callee.peerId])
  },
)

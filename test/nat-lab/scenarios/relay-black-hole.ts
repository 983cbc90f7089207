import { blackHole } from '../faults.ts'
import { outcomeOf, type Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, relayBetween, seconds } from './pair-mesh.ts'

export const relayBlackHole: Scenario = {
  about: 'The relay that calls go through drops every packet, silently: they go through the other one.',
  run: async tools => {
    const { mesh, from, to } = await pairMesh(tools, 'tcp-443', 'tcp-443')
    const traffic = new Traffic(from, to)
    await seconds(2)
    const relay = await relayBetween(mesh, from, to)
    const end = await blackHole(relay.site.namespace)
    const faultAt = Traffic.now()
    await seconds(8)
    const records = await traffic.stop()
    await end()
    return outcomeOf(records, faultAt)
  },
}

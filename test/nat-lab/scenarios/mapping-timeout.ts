import { forgetAfter } from '../faults.ts'
import { outcomeOf, type Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, seconds } from './pair-mesh.ts'

export const mappingTimeout: Scenario = {
  about: 'Routers forget connections that were silent for 8 s; after a pause of 20 s calls begin.',
  run: async tools => {
    const { from, to, path: before } = await pairMesh(tools, 'cone', 'cone')
    await Promise.all([forgetAfter(from.site, 8), forgetAfter(to.site, 8)])
    await seconds(20)
    const faultAt = Traffic.now()
    const traffic = new Traffic(from, to)
    await seconds(6)
    return outcomeOf(await traffic.stop(), faultAt, { before })
  },
}

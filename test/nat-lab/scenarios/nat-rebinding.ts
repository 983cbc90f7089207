import { rebind } from '../faults.ts'
import { outcomeOf, type Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, seconds } from './pair-mesh.ts'

export const natRebinding: Scenario = {
  about: 'A router forgets every mapping while calls run, and gives random ports from then on.',
  run: async tools => {
    const { from, to, path: before } = await pairMesh(tools, 'cone', 'cone')
    const traffic = new Traffic(from, to)
    await seconds(2)
    await rebind(from.site)
    const faultAt = Traffic.now()
    await seconds(12)
    return outcomeOf(await traffic.stop(), faultAt, { before })
  },
}

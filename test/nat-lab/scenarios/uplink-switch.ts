import { outcomeOf, type Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, seconds, settledPath, worsePath } from './pair-mesh.ts'

export const uplinkSwitch: Scenario = {
  about: 'A host leaves its network for another one while calls run: address, router and mappings are new.',
  run: async tools => {
    const { from, to, path: before } = await pairMesh(tools, 'cone', 'cone')
    const traffic = new Traffic(from, to)
    await seconds(2)
    await tools.topology.switchUplink(from.site)
    const faultAt = Traffic.now()
    await seconds(6)
    const after = await settledPath(from, to)
    const { figures, wrong } = outcomeOf(await traffic.stop(), faultAt, { before, after })
    return { figures, wrong: [...wrong, ...worsePath(from, to, after)] }
  },
}

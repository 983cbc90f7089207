/** Lambda: sums up the health of the mesh; started by the leases in the table's stream. */
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { embeddedMetrics } from '../hosts/lambda/metrics.ts'
import { noSigner } from '../hosts/lambda/no-signer.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'

const settings = readEnvironment()
const plane = meshOpener({ settings, signerOf: noSigner })
const metrics = embeddedMetrics(settings.stack)

export async function handler(): Promise<void> {
  const { regions } = await (await plane()).health()
  const sum = (pick: (region: (typeof regions)[number]) => number): number =>
    regions.reduce((total, region) => total + pick(region), 0)
  metrics.add('Members', sum(({ members }) => members))
  metrics.add('Online', sum(({ online }) => online))
  metrics.flush()
}

/**
 * Lambda: sums up the health of the mesh; started by the leases in the table's stream. It reads every member, and
 * the reads cost: the larger the mesh, the longer its pauses.
 */
import { healthMemberMs } from '../defaults.ts'
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { embeddedMetrics } from '../hosts/lambda/metrics.ts'
import { noSigner } from '../hosts/lambda/no-signer.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'

const settings = readEnvironment()
const plane = meshOpener({ settings, signerOf: noSigner })
const metrics = embeddedMetrics(settings.stack)

let restsUntil = 0

export async function handler(): Promise<void> {
  if (Date.now() < restsUntil) return
  const { health, healthHistory } = await plane()
  await healthHistory.record()
  const { regions } = await health()
  const sum = (pick: (region: (typeof regions)[number]) => number): number =>
    regions.reduce((total, region) => total + pick(region), 0)
  const members = sum(region => region.members)
  restsUntil = Date.now() + members * healthMemberMs
  metrics.add('Members', members)
  metrics.add(
    'Online',
    sum(({ online }) => online),
  )
  metrics.flush()
}

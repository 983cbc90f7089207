import type { Check } from '../finding.ts'
import { clock, controlPlane, map } from './control-plane.ts'
import { credential, enrolment, identity } from './credential.ts'
import { clone, daemon, relays, versions, warnings } from './daemon.ts'
import { processChecks, recovery } from './process-health.ts'
import { dataFolder, disk } from './data-folder.ts'

/** In the order they are shown: from this machine outwards. */
export const checks: readonly Check[] = [
  dataFolder,
  disk,
  identity,
  credential,
  enrolment,
  clone,
  controlPlane,
  clock,
  map,
  daemon,
  versions,
  relays,
  processChecks,
  recovery,
  warnings,
]

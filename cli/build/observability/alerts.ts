import type { Alert } from './alert.ts'
import { callAlerts } from './call-alerts.ts'
import { controlPlaneAlerts } from './control-plane-alerts.ts'
import { memberAlerts } from './member-alerts.ts'
import { relayAlerts } from './relay-alerts.ts'

/** All alerts of a mesh, those of what hurts most first. */
export const alerts: readonly Alert[] = [
  ...callAlerts,
  ...relayAlerts,
  ...memberAlerts,
  ...controlPlaneAlerts,
]

/** The one that fires always, so that its silence is noticed. */
export const watchdog = 'AgentMeshWatchdog'

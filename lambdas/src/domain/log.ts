/** What the control plane logs to; pino fits. Secrets, tokens and request headers are never passed. */
export type { EventLog as Log } from '@agent-mesh/protocol/log-events'

/** A control plane process of the bench: `server.ts OPTIONS`, stopped by a signal. */
import { startControlPlane, type ControlPlaneOptions } from '@agent-mesh/lambdas'
import { pino } from 'pino'

const options = JSON.parse(process.argv[2] ?? '{}') as Pick<
  ControlPlaneOptions,
  'data' | 'maxMembers' | 'store'
>
const { url, meshId, stop } = await startControlPlane({
  ...options,
  listen: { host: '127.0.0.1', port: 0 },
  log: pino({ level: 'warn' }, pino.destination(2)),
})
process.send?.({ url, meshId })
// A server whose parent has exited stops.
process.once('disconnect', () => void stop().then(() => process.exit()))
process.on('message', () => process.send?.(process.cpuUsage()))

/** The control plane as a process: `node local.ts --data DIR [--listen [HOST:]PORT] [--public-url URL]`. */
import { parseArgs } from 'node:util'
import { startControlPlane } from '../hosts/node/start-control-plane.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'control-plane-data' },
    listen: { type: 'string', default: '127.0.0.1:8440' },
    'public-url': { type: 'string' },
  },
})
// A port alone means loopback, as for `agent-mesh control-plane`.
const { hostname, port } = new URL(
  `http://${/^\d+$/.test(values.listen) ? '127.0.0.1:' : ''}${values.listen}`,
)
const running = await startControlPlane({
  data: values.data,
  listen: { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) },
  publicUrl: values['public-url'],
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void running.stop())

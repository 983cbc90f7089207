/** A relay in a process of its own, without limits on traffic: its parent sends what it starts with, and hears when it runs. */
import { createRelay } from '@agent-mesh/relay'
import { once } from 'node:events'
import { loopback, silent } from '../../../test/support/local-mesh.ts'

const traffic = { memberBytesPerSecond: 0, memberBytesPerDay: 0, totalBytesPerSecond: 0, totalBytesPerDay: 0 }
const [{ data, join }] = (await once(process, 'message')) as [{ data: string; join: string }]
await createRelay({ data, join, name: 'relay', listen: [loopback], log: silent, traffic })
process.on('disconnect', () => process.exit())
process.send?.('runs')

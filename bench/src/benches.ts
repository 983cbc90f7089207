import type { Bench } from './bench.ts'
import { rpcWire } from './rpc-wire/rpc-wire.ts'

export const benches: Record<string, Bench> = {
  'rpc-wire': rpcWire,
}

import type { Bench } from './bench.ts'
import { bulk } from './bulk/bulk.ts'
import { cache } from './cache/cache.ts'
import { controlPlaneLoad } from './control-plane/control-plane-load.ts'
import { converge } from './fleet/converge.ts'
import { fleetBench } from './fleet/fleet.ts'
import { lambda } from './lambda/lambda.ts'
import { overload } from './overload/overload.ts'
import { ports } from './ports/ports.ts'
import { revoke } from './revoke/revoke.ts'
import { relay } from './relay/relay.ts'
import { relayHomes } from './relay/relay-homes.ts'
import { rest } from './rest/rest.ts'
import { rpc } from './rpc/rpc.ts'
import { rpcWire } from './rpc/rpc-wire.ts'
import { streams } from './streams/streams.ts'
import { topics } from './topics/topics.ts'
import { tracing } from './tracing/tracing.ts'

export const benches: Record<string, Bench> = {
  bulk,
  cache,
  'control-plane': controlPlaneLoad,
  converge,
  fleet: fleetBench,
  lambda,
  overload,
  ports,
  revoke,
  relay,
  'relay-homes': relayHomes,
  rest,
  rpc,
  'rpc-wire': rpcWire,
  streams,
  topics,
  tracing,
}

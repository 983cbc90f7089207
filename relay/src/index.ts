/** The relay: what the command and tests import. */
export { circuitServer, trafficDefaults, type TrafficLimits } from './circuit/index.ts'
export { createRelay, type Relay, type RelayOptions } from './runtime/relay.ts'

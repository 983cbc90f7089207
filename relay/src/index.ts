/** The relay: what the command and tests import. */
export { circuitServer, trafficDefaults, type TrafficLimits } from './circuit/index.ts'
export { MapServer, type MapServerInit } from './map/map-server.ts'
export { chooseNeighbours } from './neighbours/choose-neighbours.ts'
export { HomedAgents } from './presence/homed-agents.ts'
export { createRelay, type RelayOptions } from './runtime/create-relay.ts'
export type { Relay } from './runtime/relay.ts'

export { CircuitGate, denialReasons, type DenialReason } from './circuit-gate.ts'
export { circuitServer, type CircuitServer, type CircuitServerInit } from './circuit-server.ts'
export { circuitDefaults, trafficDefaults, type CircuitLimits, type TrafficLimits } from './defaults.ts'

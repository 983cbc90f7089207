/** Failure detection: what its driver and the simulator need. */
export type { Suspicion, SwimEffect, SwimEvent, SwimPorts } from './effects.ts'
export { Ledger } from './ledger.ts'
export { relayRings, RingScope, type Pace, type Scope, type StandingOf, type SwimStanding } from './scope.ts'
export { swimPresets, type SwimPreset, type SwimSettings } from './settings.ts'
export { Swim, type SwimInit } from './swim.ts'

import type { WallClock } from '@agent-mesh/protocol/clock'

export type { WallClock as Clock }

export const systemClock: WallClock = { now: () => Date.now() }

/** Values of tuned settings, as people read them. */
import type { HedgeDelay } from '../services/call/hedging.ts'

export const hedgeDelayText = (delay: HedgeDelay): string =>
  'ms' in delay ? `${delay.ms} ms` : `p${Math.round(delay.share * 100)}`

export const bytesText = (bytes: number): string =>
  bytes < 1 << 20 ? `${Math.round(bytes / 1024)} KiB` : `${Math.round((bytes / (1 << 20)) * 10) / 10} MiB`

import { writeRetry } from '../defaults.ts'

/** Full jitter, ms: any time up to a bound that doubles with each try. @param tries so far, from 1 on */
export const jitter = (
  tries: number,
  { firstMs, mostMs }: { firstMs: number; mostMs: number } = writeRetry,
): number => Math.random() * Math.min(mostMs, firstMs * 2 ** tries)

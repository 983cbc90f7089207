/** The settings of an agent that are tuned: those that exist and are not pinned. */
import { CacheAdmissionKnob, CacheSizeKnob, CacheTrials } from './cache-knobs.ts'
import { CompressionKnob } from './compression-knob.ts'
import { HedgeDelayKnob } from './hedge-delay.ts'
import type { Knob } from './knob.ts'
import type { TuningPins } from './settings.ts'
import type { TunedParts } from './tuned-parts.ts'

/** @param now monotonic ms */
export function knobsOf(
  { hedging, cache, compression }: TunedParts,
  pins: TuningPins,
  now: () => number,
): Knob[] {
  const knobs: Knob[] = [new HedgeDelayKnob(hedging), new CompressionKnob(compression)]
  if (cache !== undefined) {
    const trials = new CacheTrials(cache, now)
    knobs.push(new CacheAdmissionKnob(trials), new CacheSizeKnob(trials))
  }
  return knobs.filter(({ name }) => pins[name] === undefined)
}

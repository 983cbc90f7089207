/** Makes a run that failed smaller, as long as it still fails: fewer kinds of faults, fewer members, less time. */
import type { SimOptions } from './simulate.ts'

/** @param fails runs it @param most runs at most (a count) @returns the smallest that was found */
export function shrink(options: SimOptions, fails: (smaller: SimOptions) => boolean, most = 40): SimOptions {
  let smallest = options
  let runs = 0
  for (let found = true; found;) {
    found = false
    for (const smaller of smallerThan(smallest)) {
      if (runs++ >= most) return smallest
      if (!fails(smaller)) continue
      smallest = smaller
      found = true
      break
    }
  }
  return smallest
}

function* smallerThan(options: SimOptions): Generator<SimOptions> {
  for (const fault of options.faults) {
    const faults = options.faults.filter(other => other !== fault)
    // Without any fault another end of the run is judged: that is no smaller run, but another one.
    if (faults.length > 0) yield { ...options, faults }
  }
  if (options.members >= 8) yield { ...options, members: Math.floor(options.members / 2) }
  if (options.relays > 0) yield { ...options, relays: options.relays - 1 }
  if (options.paused > 0 && options.faults.length > 0) yield { ...options, paused: 0 }
  if (options.until > 240_000) yield { ...options, until: Math.floor(options.until / 2) }
}

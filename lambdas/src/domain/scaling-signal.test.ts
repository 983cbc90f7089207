import { describe, expect, test } from 'vitest'
import { ScalingTrace, type ScalingSample } from './scaling-signal.ts'

type Step = readonly [seconds: number, sample: Partial<ScalingSample>]

/** A service that follows its signal: `current` is what was wanted last, unless a step sets it. */
function run(
  steps: readonly Step[],
  everyS = 15,
): { desired: number[]; stale: boolean[]; reasons: string[] } {
  const trace = new ScalingTrace()
  const [desired, stale, reasons]: [number[], boolean[], string[]] = [[], [], []]
  let now = 1_000_000
  let current = steps[0]?.[1].current ?? 1
  for (const [seconds, sample] of steps) {
    current = sample.current ?? current
    for (let passed = 0; passed < seconds; passed += everyS) {
      const known = { current, reporting: current, saturation: 0.6, ageMs: 10_000, ...sample }
      if (sample.current === undefined) known.current = current
      if (sample.reporting === undefined) known.reporting = known.current
      const signal = trace.next(known, now)
      desired.push(signal.desired)
      stale.push(signal.stale)
      reasons.push(signal.reason)
      if (sample.current === undefined) current = signal.desired
      now += everyS * 1_000
    }
  }
  return { desired, stale, reasons }
}

/** Numbers in a row that are the same, once. */
const changes = (counts: readonly number[]) => counts.filter((count, i) => count !== counts[i - 1])

/** How often it turned from rising to falling or back. */
const turns = (counts: readonly number[]): number => {
  const signs = changes(counts).flatMap((count, i, all) => (i === 0 ? [] : [Math.sign(count - all[i - 1]!)]))
  return signs.filter((sign, i) => i > 0 && sign !== signs[i - 1]).length
}

const at = (saturation: number): Partial<ScalingSample> => ({ saturation })
const saw = Array.from({ length: 20 }, (_, i): Step => [30, at(i % 2 === 0 ? 0.75 : 0.4)])
const noise = Array.from({ length: 40 }, (_, i): Step => [15, at(0.6 + 0.05 * Math.sin(i * 7))])

/** What each trace asks for, without repetitions. */
const traces: readonly [string, readonly Step[], readonly number[]][] = [
  ['at its target it stays', [[900, { current: 10, saturation: 0.6 }]], [10]],
  ['10 % beside the target it stays', [[900, { current: 10, saturation: 0.66 }]], [10]],
  ['noise around the target moves nothing', [[15, { current: 10 }], ...noise], [10]],
  [
    'a step up is followed at once',
    [
      [15, { current: 10 }],
      [15, at(0.9)],
      [60, at(0.6)],
    ],
    [10, 15],
  ],
  ['a cold start goes up at once, too', [[15, { current: 6, saturation: 0.9 }]], [9]],
  ['a cold start goes down only after 300 s', [[300, { current: 10, saturation: 0.2 }]], [10]],
  ['from one it goes to two', [[15, { current: 1, saturation: 1 }]], [2]],
  [
    'full, it doubles within 30 s at most',
    [
      [15, { current: 10 }],
      [15, at(1)],
      [15, at(1)],
      [15, at(1)],
    ],
    [10, 17, 20, 34],
  ],
  [
    'a step down is followed after 300 s, a tenth a minute',
    [
      [15, { current: 20 }],
      [300, at(0.6)],
      [600, { current: 20, saturation: 0.3 }],
    ],
    [20, 18, 17, 16, 15, 14, 13],
  ],
  [
    'a saw is answered with its higher tooth',
    [[15, { current: 10 }], ...saw.map(([s, x]): Step => [s, { ...x, current: 10 }])],
    [10, 13],
  ],
  [
    'idle, it falls to one and not below',
    [
      [15, { current: 3 }],
      [1_200, at(0)],
    ],
    [3, 2, 1],
  ],
  [
    'a dip of 4 minutes is waited out',
    [
      [15, { current: 10 }],
      [240, at(0.1)],
      [600, at(0.6)],
    ],
    [10],
  ],
  [
    'without reports it is held',
    [
      [30, { current: 10, saturation: 0.9 }],
      [900, { current: 3, reporting: 0 }],
    ],
    [15],
  ],
  [
    'old reports hold it, high ones and low ones',
    [
      [15, { current: 10 }],
      [60, { saturation: 1, ageMs: 151_000 }],
      [900, { saturation: 0, ageMs: 200_000 }],
    ],
    [10],
  ],
  [
    'a service that nobody reports from the start has what the map has',
    [[60, { current: 7, reporting: 0 }]],
    [7],
  ],
  ['one that nobody knows has one', [[60, { current: 0, reporting: 0 }]], [1]],
  [
    'all providers gone: what was there is wanted',
    [
      [30, { current: 8 }],
      [600, { current: 0, reporting: 0, saturation: NaN }],
    ],
    [8],
  ],
  [
    'a load that is no number holds it',
    [
      [15, { current: 4 }],
      [60, { saturation: NaN }],
      [60, { saturation: -1 }],
      [60, { saturation: Infinity }],
      [60, { ageMs: NaN }],
    ],
    [4],
  ],
  [
    'a rolling restart, in which some leave and come, lowers nothing',
    [
      [15, { current: 10 }],
      [60, { current: 8, saturation: 0.75 }],
      [60, { current: 10, saturation: 0.6 }],
    ],
    [10],
  ],
  [
    'more than wanted by hand: it is not lowered by the limit for raising',
    [
      [15, { current: 2 }],
      [15, { current: 12, saturation: 0.9 }],
    ],
    [2, 12],
  ],
  [
    'an outage of the reports in a calm time is no proof of calm',
    [
      [285, { current: 10, saturation: 0.2 }],
      [30, { current: 10, ageMs: 160_000 }],
      [270, { current: 10, saturation: 0.2 }],
    ],
    [10],
  ],
  [
    'while some are still starting it asks for no more than before',
    [
      [15, { current: 4, saturation: 0.9 }],
      [60, { current: 4, saturation: 0.85 }],
    ],
    [6],
  ],
]

describe('the signal of', () => {
  test.each(traces)('%s', (_, steps, expected) => {
    const { desired } = run(steps)
    expect(changes(desired)).toEqual(expected)
    expect(desired.every(count => Number.isInteger(count) && count >= 1)).toBe(true)
  })

  test.each<[string, Step[], number]>([
    [
      'a step up and, later, down',
      [
        [15, { current: 10 }],
        [60, at(0.9)],
        [600, at(0.6)],
        [1_800, at(0.3)],
      ],
      1,
    ],
    ['a saw', [[15, { current: 10 }], ...saw], 1],
    ['noise', [[15, { current: 10 }], ...noise], 0],
  ])('%s changes its direction at most so often', (_, steps, most) => {
    expect(turns(run(steps).desired)).toBeLessThanOrEqual(most)
  })

  test('what it holds says that it is stale, and why', () => {
    const { stale, reasons } = run([
      [15, { current: 3 }],
      [15, { ageMs: 150_001 }],
      [15, { reporting: 0 }],
      [15, { current: 0 }],
      [15, { current: 3 }],
    ])
    expect(stale).toEqual([false, true, true, true, false])
    expect(reasons.slice(1, 4)).toEqual([
      'a report counted is older than 150 s',
      'no provider reports its load',
      'no provider is online',
    ])
  })

  test('readers of any pace get the same: asked twice as often nothing falls twice as fast', () => {
    const steps: Step[] = [
      [15, { current: 20 }],
      [900, { current: 20, saturation: 0.3 }],
    ]
    expect(changes(run(steps, 5).desired)).toEqual(changes(run(steps, 15).desired))
  })
})

/** Computes of each alarm from the template as deployed that its metric can get to its threshold, and rests below it. */
import type { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'

import { meshTemplates } from './support/stacks.ts'

interface Alarm {
  MetricName: string
  Dimensions?: { Name: string; Value: { Ref?: string } }[]
  Period?: number
  Threshold: number
  EvaluationPeriods: number
  ComparisonOperator: string
  TreatMissingData: string
  AlarmActions?: unknown[]
  OKActions?: unknown[]
}

const read = new WeakMap<Template, [string, { Type: string; Properties: unknown }][]>()

/** The properties of all resources of a type, by their ids. */
function properties<T>(template: Template, type: string): [string, T][] {
  const known = read.get(template) ?? Object.entries(template.toJSON()['Resources'] as object)
  read.set(template, known)
  return known.filter(([, { Type }]) => Type === type).map(([id, { Properties }]) => [id, Properties as T])
}

/** Relays report at least this often, seconds: each report writes a lease, which is a change of the stream. */
const reportSeconds = 120
/** A long-lived token lives so many days at least. */
const longLivedTokenDays = 14
/** Between the tries of an event: after 1 and 2 minutes, seconds. */
const waits = [0, 60, 120]

/** What a template does, in numbers. */
class Deployed {
  readonly #template: Template
  /** Executions that the account may have at once. */
  readonly quota: number

  constructor(context: Record<string, string> = {}) {
    this.#template = meshTemplates(context).controlPlane
    this.quota = Number(context['accountConcurrency'] ?? 1_000)
  }

  alarms(): [string, Alarm][] {
    return properties<Alarm>(this.#template, 'AWS::CloudWatch::Alarm')
  }

  /** Seconds between two starts of a function by a schedule; undefined: none starts it. */
  scheduleSeconds(lambda: string): number | undefined {
    const schedules = properties<{ ScheduleExpression: string; Target: unknown }>(
      this.#template,
      'AWS::Scheduler::Schedule',
    )
    const own = schedules.find(([, { Target }]) => JSON.stringify(Target).includes(`"${lambda}"`))
    const [, count, unit] =
      /^rate\((\d+) (minute|hour|day)s?\)$/.exec(own?.[1].ScheduleExpression ?? '') ?? []
    return unit === undefined
      ? undefined
      : Number(count) * { minute: 60, hour: 3_600, day: 86_400 }[unit as 'day']
  }

  timeout(lambda: string): number {
    return this.#function(lambda).Timeout
  }

  /** Errors of a function of which every start fails, in one period. */
  errors(lambda: string, period: number): number {
    const every = this.scheduleSeconds(lambda)
    if (every !== undefined) return Math.floor(period / every) * this.#triesWithin(lambda, every)
    if (this.#names('AWS::Lambda::EventSourceMapping', lambda)) return Math.floor(period / reportSeconds)
    return this.requests(period)
  }

  /** Requests that the API accepts in a period. */
  requests(period: number): number {
    const [stage] = properties<{ DefaultRouteSettings: { ThrottlingRateLimit: number } }>(
      this.#template,
      'AWS::ApiGatewayV2::Stage',
    )
    return (stage?.[1].DefaultRouteSettings.ThrottlingRateLimit ?? 0) * period
  }

  /** How old a change may get before it is set aside, ms. */
  oldestChangeMs(lambda: string): number {
    const mapping = properties<{ FunctionName: unknown; MaximumRecordAgeInSeconds: number }>(
      this.#template,
      'AWS::Lambda::EventSourceMapping',
    ).find(([, { FunctionName }]) => JSON.stringify(FunctionName).includes(`"${lambda}"`))
    return (mapping?.[1].MaximumRecordAgeInSeconds ?? 0) * 1_000
  }

  /** Whether what a schedule's function fails at gets into a queue. */
  setsAside(lambda: string): boolean {
    return this.#asyncConfigs().some(
      ([, config]) =>
        JSON.stringify(config.FunctionName).includes(`"${lambda}"`) &&
        config.DestinationConfig.OnFailure.Destination !== undefined,
    )
  }

  lambdas(): string[] {
    return properties(this.#template, 'AWS::Lambda::Function').map(([id]) => id)
  }

  /** Tries of one event that begin within so many seconds although each takes as long as it may. */
  #triesWithin(lambda: string, seconds: number): number {
    const [, config] = this.#asyncConfigs().find(([, { FunctionName }]) =>
      JSON.stringify(FunctionName).includes(`"${lambda}"`),
    ) ?? ['', undefined]
    const tries = 1 + (config?.MaximumRetryAttempts ?? 2)
    let begins = 0
    let count = 0
    for (let i = 0; i < tries; i++) {
      begins += (waits[i] ?? 0) + (i === 0 ? 0 : this.timeout(lambda))
      if (begins < seconds) count++
    }
    return count
  }

  #asyncConfigs() {
    return properties<{
      FunctionName: unknown
      MaximumRetryAttempts: number
      DestinationConfig: { OnFailure: { Destination?: unknown } }
    }>(this.#template, 'AWS::Lambda::EventInvokeConfig')
  }

  #function(lambda: string): { Timeout: number } {
    return Object.fromEntries(properties<{ Timeout: number }>(this.#template, 'AWS::Lambda::Function'))[
      lambda
    ] as { Timeout: number }
  }

  /** Whether anything starts it: a schedule, the stream, a request. */
  isStarted(lambda: string): boolean {
    const starters = ['Scheduler::Schedule', 'Lambda::EventSourceMapping', 'ApiGatewayV2::Integration']
    return starters.some(type => this.#names(`AWS::${type}`, lambda))
  }

  #names(type: string, lambda: string): boolean {
    return properties(this.#template, type).some(([, each]) => JSON.stringify(each).includes(`"${lambda}"`))
  }
}

/** The most that the metric of an alarm can be in a period, or the least for one that fires below its threshold. */
function extreme(deployed: Deployed, id: string, alarm: Alarm): number {
  const lambda = alarm.Dimensions?.find(({ Name }) => Name === 'FunctionName')?.Value.Ref ?? ''
  const period = alarm.Period ?? 0
  const scheduled = deployed.lambdas().filter(each => deployed.scheduleSeconds(each) !== undefined)
  const sweep = scheduled.find(name => name.startsWith('Sweep')) ?? ''
  const gaugeSeconds = deployed.scheduleSeconds(sweep) ?? Infinity
  const each: Record<string, () => number> = {
    Errors: () => deployed.errors(lambda, period),
    Throttles: () => (deployed.isStarted(lambda) ? 1 : 0),
    Invocations: () => 0,
    ConcurrentExecutions: () => deployed.quota,
    '5xx': () => deployed.requests(period),
    Latency: () => Math.max(...deployed.lambdas().map(name => deployed.timeout(name))) * 1_000,
    IteratorAge: () => deployed.oldestChangeMs(lambda),
    ApproximateNumberOfMessagesVisible: () => scheduled.filter(name => deployed.setsAside(name)).length,
    ReadThrottleEvents: () => deployed.requests(period),
    WriteThrottleEvents: () => deployed.requests(period),
    Defects: () => deployed.requests(period),
    SignErrors: () => deployed.requests(period),
    NoLiveRelay: () => (period >= gaugeSeconds ? 1 : 0),
    TokenDays: () => (period >= gaugeSeconds ? 0 : longLivedTokenDays),
  }
  const known = each[alarm.MetricName]
  if (known === undefined) throw new Error(`Say how ${id} can fire: ${alarm.MetricName}`)
  return known()
}

const fires = ({ ComparisonOperator, Threshold }: Alarm, value: number): boolean =>
  ComparisonOperator === 'LessThanThreshold' ? value < Threshold : value >= Threshold

const settings: Record<string, string>[] = [
  {},
  { sweepMinutes: '1', accountConcurrency: '10' },
  { sweepMinutes: '1440' },
]

describe.each(settings)('the alarms with settings %j', context => {
  it('can fire, each', () => {
    const deployed = new Deployed(context)
    const silent = deployed
      .alarms()
      .filter(([id, alarm]) => !fires(alarm, extreme(deployed, id, alarm)))
      .map(([id]) => id)
    expect(silent).toEqual([])
  })

  it('fire for a schedule that starts nothing, and not between two starts', () => {
    const deployed = new Deployed(context)
    const missing = deployed.alarms().filter(([, alarm]) => alarm.MetricName === 'Invocations')
    expect(missing).toHaveLength(2)
    for (const [, alarm] of missing) {
      const lambda = alarm.Dimensions?.[0]?.Value.Ref ?? ''
      expect(alarm.TreatMissingData).toBe('breaching')
      expect((alarm.Period ?? 0) / (deployed.scheduleSeconds(lambda) ?? 0)).toBeGreaterThanOrEqual(2)
    }
  })

  it('have periods that CloudWatch takes: whole minutes, a week in all at most', () => {
    for (const [, { Period = 0, EvaluationPeriods }] of new Deployed(context).alarms()) {
      expect(Period % 60).toBe(0)
      expect(Period).toBeGreaterThan(0)
      expect(Period * EvaluationPeriods).toBeLessThanOrEqual(7 * 24 * 3600)
    }
  })
})

it('a threshold that the schedule cannot reach is found', () => {
  const deployed = new Deployed({ sweepMinutes: '10' })
  const [id, alarm] = deployed.alarms().find(([name]) => name.startsWith('SweepErrors')) ?? ['', undefined]
  expect(alarm).toBeDefined()
  const asItWas = { ...alarm, Threshold: 5, Period: 300 } as Alarm
  expect(fires(asItWas, extreme(deployed, id, asItWas))).toBe(false)
})

it('the alarms are as many as the bill counts: bench/src/cost/workload.ts', () => {
  expect(new Deployed().alarms()).toHaveLength(24)
})

it('every alarm tells that it is over, too', () => {
  for (const [, alarm] of new Deployed({ alarmEmail: 'ops@example.com' }).alarms())
    expect(alarm).toMatchObject({ AlarmActions: [expect.anything()], OKActions: [expect.anything()] })
})

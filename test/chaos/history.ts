/**
 * What happened in a run, one event a line: operations begin with `invoke` and end with `ok`, `fail`, or `info` when it is not known
 * whether they took place (deadline, killed). Faults are operations of the process `nemesis`. Times are ms of one monotonic clock.
 */
import { appendFileSync, readFileSync } from 'node:fs'

export type FaultKind =
  'kill' | 'stop' | 'pause' | 'cut' | 'loss' | 'slow' | 'clock' | 'disk' | 'database' | 'rollback'

export interface Fault {
  kind: FaultKind
  /** Members that it strikes. */
  who: readonly string[]
  /** Of a cut: the members that these cannot reach. */
  from?: readonly string[]
}

interface Values {
  /** Who takes part; relayed: it reaches others over relays alone. */
  member: { kind: 'agent' | 'relay'; relayed: boolean }
  phase: { name: Phase }
  fault: Fault
  /** A member that ended is started again: from now on it may be seen. */
  starts: { who: string }
  /** @property deadlineMs after its begin @property callee absent: any provider @property by the member that answered */
  call: { deadlineMs: number; idempotent: boolean; callee?: string; by?: string; code?: string; why?: string }
  /** Executions of a call: counted after the end, from what handlers wrote. */
  ran: { times: number }
  /** A member's list changed. */
  sees: { about: string; online: boolean }
  /** Incarnation of each member in an observer's map. */
  holds: { incarnations: Readonly<Record<string, number>> }
  leave: { who: string }
  revoke: { who: string }
  /** @property id the token */
  join: { uses: number }
  redeemed: { used: number; uses: number }
  /** At the end: what a member believes. The control plane says it by its leases. */
  believes: { online: readonly string[]; incarnations: Readonly<Record<string, number>> }
  runs: { who: readonly string[] }
  usage: { rssMb: number; fds: number }
  exit: { ms: number; how: string }
  orphans: { pids: readonly number[] }
  warns: { warnings: readonly string[] }
  /** The machine itself was late: bounds of that time are extended by it. */
  late: { ms: number }
  /** It could run and waited for a processor, since the look before: what it has to do in that time may take so much longer. */
  starved: { ms: number }
}

export type Phase = 'warm-up' | 'faults' | 'healed' | 'calm' | 'rolling' | 'end'
export type Op = keyof Values

export type EventOf<O extends Op> = {
  readonly at: number
  readonly process: string
  readonly op: O
  readonly type: 'invoke' | 'ok' | 'fail' | 'info'
  readonly id?: string
  readonly value: Values[O]
}
export type ChaosEvent = { [O in Op]: EventOf<O> }[Op]
export type History = readonly ChaosEvent[]

export const eventsOf = <O extends Op>(history: History, op: O): EventOf<O>[] =>
  history.filter(event => event.op === op) as unknown as EventOf<O>[]

/** Appends events to memory and to a file, with the time. */
export class Recorder {
  readonly events: ChaosEvent[] = []
  readonly #file: string | undefined
  readonly #began = performance.now()

  constructor(file?: string) {
    this.#file = file
  }

  /** ms since the begin of the run. */
  get now(): number {
    return Math.round(performance.now() - this.#began)
  }

  add<O extends Op>(event: Omit<EventOf<O>, 'at'>, at = this.now): void {
    const whole = { at, ...event } as unknown as ChaosEvent
    this.events.push(whole)
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(whole)}\n`)
  }
}

export const readHistory = (file: string): ChaosEvent[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as ChaosEvent)

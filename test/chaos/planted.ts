/** A history in which all is well, and for each invariant what breaks it: the checkers must find each, and nothing in the first. */
import type { ChaosEvent, EventOf, Op } from './history.ts'
import type { InvariantName } from './invariants/index.ts'

/** Without the type: that of most is `info`. */
const event = <O extends Op>(
  at: number,
  process: string,
  op: O,
  value: EventOf<O>['value'],
  more: { type?: EventOf<O>['type']; id?: string } = {},
): ChaosEvent => ({ at, process, op, type: 'info', value, ...more }) as unknown as ChaosEvent

const agents = ['a', 'b', 'c']
const everyone = [...agents, 'relay-1', 'relay-2']
/** ms. */
const [faultAt, healedAt, rollingAt, endAt] = [40_000, 100_000, 150_000, 200_000]

function call(
  at: number,
  id: string,
  end: 'ok' | 'fail',
  more: {
    idempotent?: boolean
    callee?: string
    process?: string
    took?: number
    by?: string
    code?: string
  } = {},
) {
  const { idempotent = false, callee, process = 'a', took = 100 } = more
  const value = { deadlineMs: 10_000, idempotent, ...(callee === undefined ? {} : { callee }) }
  return [
    event(at, process, 'call', value, { type: 'invoke', id }),
    event(
      at + took,
      process,
      'call',
      end === 'ok' ? { ...value, by: more.by ?? 'b' } : { ...value, code: more.code ?? 'path_lost' },
      {
        type: end,
        id,
      },
    ),
  ]
}

const fault = (at: number, until: number, id: string, value: EventOf<'fault'>['value']) => [
  event(at, 'nemesis', 'fault', value, { type: 'invoke', id }),
  event(until, 'nemesis', 'fault', value, { type: 'ok', id }),
]

const sees = (at: number, observer: string, about: string, online: boolean) =>
  event(at, observer, 'sees', { about, online })

/** It gets so much less of a processor than it could use, from one time to another. */
const starved = (from: number, to: number, name: string, share: number) =>
  Array.from({ length: (to - from) / 500 }, (_, n) =>
    event(from + (n + 1) * 500, name, 'starved', { ms: share * 500 }),
  )

/** What all hold at the end: `d` was revoked. */
const incarnations = Object.fromEntries(everyone.map(name => [name, 2]))

export function goodHistory(): ChaosEvent[] {
  const events = [
    ...everyone.map(name =>
      event(0, name, 'member', { kind: name.startsWith('relay') ? 'relay' : 'agent', relayed: name === 'c' }),
    ),
    event(0, 'nemesis', 'phase', { name: 'warm-up' }),
    ...everyone.flatMap(about =>
      everyone.filter(each => each !== about).map(each => sees(1_000, each, about, true)),
    ),
    ...everyone.map(name => event(5_000, name, 'holds', { incarnations: { ...incarnations, b: 1 } })),
    event(30_000, 'nemesis', 'phase', { name: 'faults' }),
    ...call(35_000, 'call-1', 'ok'),
    ...call(36_000, 'call-2', 'ok', { idempotent: true }),
    // Its path was lost: it may not be repeated.
    ...call(faultAt - 50, 'call-3', 'fail', { callee: 'b' }),
    // A dead one is not reached.
    ...call(faultAt + 100, 'call-4', 'fail', { callee: 'b', idempotent: true, took: 10_500 }),
    ...fault(faultAt, faultAt + 20_000, 'kill-1', { kind: 'kill', who: ['b'] }),
    event(faultAt + 19_000, 'nemesis', 'starts', { who: 'b' }),
    ...everyone
      .filter(each => each !== 'b')
      // One has no processor for a second, and learns of it a second later.
      .map(each => sees(faultAt + (each === 'relay-2' ? 4_500 : 2_000), each, 'b', false)),
    ...starved(faultAt + 1_000, faultAt + 2_000, 'relay-2', 0.9),
    ...everyone.filter(each => each !== 'b').map(each => sees(faultAt + 21_000, each, 'b', true)),
    // It ends, runs at once, and ends again: all list it as online in between.
    ...fault(faultAt + 36_000, faultAt + 46_000, 'rollback-1', { kind: 'rollback', who: ['b'] }),
    event(faultAt + 37_000, 'nemesis', 'starts', { who: 'b' }),
    ...fault(faultAt + 25_000, faultAt + 26_000, 'disk-1', { kind: 'disk', who: ['c'] }),
    event(faultAt + 25_500, 'c', 'warns', { warnings: ['the disk is full'] }),
    // It has next to no processor for 4 s: it is as good as paused.
    ...starved(91_000, 95_000, 'c', 0.95),
    sees(95_000, 'a', 'c', false),
    sees(96_000, 'a', 'c', true),
    event(70_000, 'nemesis', 'revoke', { who: 'd' }, { type: 'ok' }),
    ...call(71_000, 'call-5', 'ok', { process: 'd' }),
    ...call(76_000, 'call-6', 'fail', { process: 'd' }),
    event(80_000, 'e', 'join', { uses: 1 }, { type: 'ok', id: 't/1' }),
    event(80_000, 'f', 'join', { uses: 1 }, { type: 'fail', id: 't/2' }),
    event(85_000, 'nemesis', 'redeemed', { used: 1, uses: 1 }, { id: 't' }),
    event(90_000, 'e', 'leave', { who: 'e' }, { type: 'ok' }),
    sees(91_000, 'a', 'e', false),
    event(healedAt, 'nemesis', 'phase', { name: 'healed' }),
    ...everyone.map(name => event(healedAt + 9_000, name, 'holds', { incarnations })),
    ...[...everyone, 'control-plane'].map(name =>
      event(healedAt + 10_000, name, 'believes', { online: everyone, incarnations }),
    ),
    event(healedAt + 10_000, 'nemesis', 'runs', { who: everyone }),
    event(rollingAt, 'nemesis', 'phase', { name: 'rolling' }),
    ...call(rollingAt + 1_000, 'call-7', 'ok'),
    // A slow start: what names it gets no answer in time.
    ...fault(rollingAt + 3_000, rollingAt + 16_000, 'roll-c', { kind: 'stop', who: ['c'] }),
    event(rollingAt + 3_500, 'nemesis', 'starts', { who: 'c' }),
    ...everyone.filter(each => each !== 'c').map(each => sees(rollingAt + 3_100, each, 'c', false)),
    ...everyone.filter(each => each !== 'c').map(each => sees(rollingAt + 16_000, each, 'c', true)),
    ...call(rollingAt + 3_200, 'call-8', 'fail', { callee: 'c', took: 10_000 }),
    // What a busy machine lets wait for too long is refused.
    ...starved(rollingAt + 30_000, rollingAt + 31_000, 'c', 0.5),
    ...call(rollingAt + 30_500, 'call-9', 'fail', { callee: 'c', code: 'overloaded' }),
    // A relay has next to no processor, and what goes over it no answer in time.
    ...starved(rollingAt + 18_000, rollingAt + 25_000, 'relay-1', 0.75),
    ...call(rollingAt + 17_000, 'call-10', 'fail', { code: 'deadline_exceeded', took: 10_000 }),
    event(endAt, 'nemesis', 'phase', { name: 'end' }),
    ...everyone.flatMap(name => [
      ...[0, 75_000, rollingAt, endAt].map(at => event(at, name, 'usage', { rssMb: 90 + (at % 3), fds: 40 })),
      event(endAt + 1_000, name, 'warns', { warnings: [] }),
      event(endAt + 2_000, name, 'exit', { ms: 900, how: 'exit 0' }),
    ]),
    event(endAt + 3_000, 'nemesis', 'orphans', { pids: [] }),
    ...['call-1', 'call-2', 'call-5', 'call-7'].map(id =>
      event(endAt + 4_000, 'handlers', 'ran', { times: 1 }, { id }),
    ),
  ]
  return events.sort((a, b) => a.at - b.at)
}

/** Events that each break one invariant, or, as a function, what is left of the good ones. */
export const planted: Record<InvariantName, Record<string, (good: ChaosEvent[]) => ChaosEvent[]>> = {
  C1: {
    'a call that never ends': good => good.filter(({ id, type }) => id !== 'call-1' || type === 'invoke'),
    'a call that ends twice': good => [...good, ...call(35_000, 'call-1', 'ok').slice(1)],
    'a call that ends after its deadline': good => [...good, ...call(37_000, 'x', 'fail', { took: 11_100 })],
  },
  C2: {
    'a call that ran twice': good => [
      ...good,
      ...call(37_000, 'x', 'fail'),
      event(endAt, 'handlers', 'ran', { times: 2 }, { id: 'x' }),
    ],
    'an answer without a run': good => good.filter(({ op, id }) => op !== 'ran' || id !== 'call-1'),
  },
  C3: {
    'an idempotent call that fails while a provider is well': good => [
      ...good,
      ...call(37_000, 'x', 'fail', { idempotent: true }),
    ],
  },
  C4: {
    'a death that is none': good => [...good, sees(75_500, 'a', 'c', false)],
    'a pause of 2 s taken for a death': good => [
      ...good,
      ...fault(90_000, 92_000, 'pause-1', { kind: 'pause', who: ['c'] }),
      sees(91_900, 'a', 'c', false),
    ],
    'a member with half of a processor taken for dead': good => [
      ...good,
      ...starved(65_500, 75_500, 'c', 0.5),
      sees(75_500, 'a', 'c', false),
    ],
    'a death of which one with a processor learns late': good =>
      good.map(each =>
        each.op === 'sees' && each.process === 'a' && each.at === faultAt + 2_000
          ? { ...each, at: faultAt + 5_500 }
          : each,
      ),
    'a death that one does not learn of': good =>
      good.filter(({ op, process, at }) => op !== 'sees' || process !== 'a' || at !== faultAt + 2_000),
  },
  C5: {
    'a dead one that comes back without a start': good => [...good, sees(faultAt + 8_000, 'a', 'b', true)],
    'one that left and comes back': good => [...good, sees(99_500, 'a', 'e', true)],
    'an incarnation that falls': good => [
      ...good,
      event(healedAt + 9_500, 'a', 'holds', { incarnations: { b: 1 } }),
    ],
  },
  C6: {
    'a member that holds another map': good => [
      ...good.filter(({ op, process }) => op !== 'believes' || process !== 'a'),
      event(healedAt + 10_000, 'a', 'believes', {
        online: everyone,
        incarnations: { ...incarnations, b: 1 },
      }),
    ],
    'members that agree too late': good =>
      good.map(each => (each.op === 'believes' ? { ...each, at: healedAt + 61_000 } : each)),
  },
  C7: {
    'a call by a revoked member': good => [
      ...good,
      ...call(76_000, 'x', 'ok', { process: 'd' }),
      ranOnce('x'),
    ],
  },
  C8: {
    'a token that admits too many': good => [
      ...good,
      event(81_000, 'g', 'join', { uses: 1 }, { type: 'ok', id: 't/3' }),
    ],
    'a use that is not counted': good =>
      good.map(each => (each.op === 'redeemed' ? { ...each, value: { used: 0, uses: 1 } } : each)),
  },
  C9: {
    'a lease of one that is dead': good => [
      ...good.filter(({ op, process }) => op !== 'believes' || process !== 'control-plane'),
      event(healedAt + 10_000, 'control-plane', 'believes', { online: [...everyone, 'e'], incarnations }),
    ],
  },
  C10: {
    'memory that grows': good =>
      good.map(each =>
        each.op === 'usage' ? { ...each, value: { rssMb: 90 + each.at / 20_000, fds: 40 } } : each,
      ),
    'descriptors that stay': good =>
      good.map(each =>
        each.op === 'usage' && each.at === endAt ? { ...each, value: { rssMb: 90, fds: 99 } } : each,
      ),
    'an exit that is slow': good => [
      ...good,
      event(endAt + 2_500, 'a', 'exit', { ms: 16_000, how: 'exit 0' }),
    ],
    'an exit that is slower than the machine': good => [
      ...good,
      ...starved(endAt - 4_000, endAt, 'a', 0.2),
      event(endAt + 2_500, 'a', 'exit', { ms: 16_000, how: 'exit 0' }),
    ],
    'an exit that fails': good => [...good, event(endAt + 2_500, 'a', 'exit', { ms: 1, how: 'exit 1' })],
    'a process that stays': good => [...good, event(endAt + 3_500, 'nemesis', 'orphans', { pids: [4_711] })],
  },
  C11: {
    'a call that the rolling restart loses': good => [...good, ...call(rollingAt + 2_000, 'x', 'fail')],
    'a call whose time runs out on a machine that has time for it': good => [
      ...good,
      ...starved(rollingAt + 30_000, rollingAt + 38_000, 'relay-1', 0.4),
      ...call(rollingAt + 30_000, 'x', 'fail', { code: 'deadline_exceeded', took: 10_000 }),
    ],
    'a call that a member with a processor refuses': good => [
      ...good,
      ...call(rollingAt + 40_000, 'x', 'fail', { callee: 'c', code: 'overloaded' }),
    ],
    'a call to a member that was back in time': good => [
      ...good,
      ...fault(rollingAt + 20_000, rollingAt + 22_000, 'roll-b', { kind: 'stop', who: ['b'] }),
      ...call(rollingAt + 20_100, 'x', 'fail', { callee: 'b', took: 9_000 }),
    ],
  },
  C12: {
    'a full disk that is not said': good => good.filter(({ op, at }) => op !== 'warns' || at > endAt),
    'a warning that stays': good => [...good, event(endAt + 1_500, 'a', 'warns', { warnings: ['no relay'] })],
  },
}

const ranOnce = (id: string) => event(endAt + 4_000, 'handlers', 'ran', { times: 1 }, { id })

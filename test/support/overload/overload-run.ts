/** Three times the load that a callee can take, over two processes: the outcome of the calls, and the time until it recovers. */
import { rpcLink, socketStream, TimerWheel, type RpcLink } from '@agent-mesh/agent'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { CalleeStats } from './callee.ts'

/** What the handler does: computes for 5 ms; holds one of 10 connections for 50 ms, as of a database. */
export const kinds = ['cpu', 'pool'] as const
export type Kind = (typeof kinds)[number]

export interface OverloadResult {
  /** Calls a second that the callee can do: answered with a few in flight, before or after, whichever is more. */
  capacity: number
  /** Calls a second asked for. */
  offered: number
  /** Calls a second answered within their deadline of 1 s. */
  goodput: number
  goodput_of_capacity: number
  /** ms of the answered. */
  p50_ms: number
  p99_ms: number
  /** Handlers begun for callers that had given up. */
  ran_for_nobody: number
  /** ms after the end of the load until all calls are answered again, at half of what the callee can do. */
  recovery_ms: number
  /** How the others ended. */
  codes: Record<string, number>
}

interface Outcome {
  readonly sentAt: number
  readonly ms: number
  /** `ok` or the error's. */
  readonly code: string
}

const deadlineMs = 1_000
const inFlight = { cpu: 4, pool: 10 } as const

export async function overloadRun(kind: Kind, seconds: number): Promise<OverloadResult> {
  const child = fork(fileURLToPath(new URL('callee.ts', import.meta.url)), [], {
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  const wheel = new TimerWheel()
  try {
    const [port] = (await once(child, 'message')) as [number]
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const link = rpcLink({ stream: socketStream(socket), wheel, onRequest: () => undefined })
    const result = await measure(kind, seconds, link, child)
    link.close()
    return result
  } finally {
    wheel.stop()
    child.kill('SIGKILL')
  }
}

async function measure(
  kind: Kind,
  seconds: number,
  link: RpcLink,
  child: ChildProcess,
): Promise<OverloadResult> {
  const before = await capacityOf(kind, link)
  const offered = 3 * before
  await statsOf(child)
  const during = await load(kind, link, offered, seconds * 1_000)
  const endedAt = performance.now()
  const after = await load(kind, link, before / 2, 2_500)
  const { ranForNobody } = await statsOf(child)
  const capacity = Math.max(before, await capacityOf(kind, link))
  const answered = during
    .filter(({ code }) => code === 'ok')
    .map(({ ms }) => ms)
    .sort((a, b) => a - b)
  const goodput = answered.length / seconds
  const lastBad = Math.max(
    0,
    ...after.filter(({ code }) => code !== 'ok').map(({ sentAt, ms }) => sentAt + ms - endedAt),
  )
  const quantile = (part: number): number =>
    Math.round(answered[Math.floor(answered.length * part)] ?? Number.NaN)
  return {
    capacity: Math.round(capacity),
    offered: Math.round(offered),
    goodput: Math.round(goodput),
    goodput_of_capacity: Number((goodput / capacity).toFixed(2)),
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
    ran_for_nobody: ranForNobody,
    recovery_ms: Math.round(lastBad),
    codes: counted(during),
  }
}

/** Calls a second with so many in flight that the callee is busy and nothing queues. */
async function capacityOf(kind: Kind, link: RpcLink): Promise<number> {
  const startedAt = performance.now()
  const end = startedAt + 1_500
  let calls = 0
  const worker = async (): Promise<void> => {
    for (; performance.now() < end; calls++) await call(kind, link)
  }
  await Promise.all(Array.from({ length: inFlight[kind] }, worker))
  return (calls / (performance.now() - startedAt)) * 1_000
}

/** Calls at a rate, whatever becomes of them. */
async function load(kind: Kind, link: RpcLink, perSecond: number, ms: number): Promise<Outcome[]> {
  const calls: Promise<Outcome>[] = []
  const startedAt = performance.now()
  while (performance.now() - startedAt < ms) {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond
    while (calls.length < due) calls.push(call(kind, link))
    await delay(2)
  }
  return Promise.all(calls)
}

async function call(kind: Kind, link: RpcLink): Promise<Outcome> {
  const sentAt = performance.now()
  const code = await link
    .call(`work.${kind}`, performance.timeOrigin + sentAt + deadlineMs, { timeoutMs: deadlineMs })
    .then(
      () => 'ok',
      (error: { code: string }) => error.code,
    )
  return { sentAt, ms: performance.now() - sentAt, code }
}

async function statsOf(child: ChildProcess): Promise<CalleeStats> {
  const answer = once(child, 'message') as Promise<[CalleeStats]>
  child.send('stats')
  return (await answer)[0]
}

function counted(outcomes: readonly Outcome[]): Record<string, number> {
  const codes: Record<string, number> = {}
  for (const { code } of outcomes) codes[code] = (codes[code] ?? 0) + 1
  return codes
}

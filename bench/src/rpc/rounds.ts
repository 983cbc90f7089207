/** Contenders measured in turns: what disturbs the machine disturbs all of them alike. */
import type { CallName } from '../contenders/contender.ts'
import { median } from '../load.ts'
import { WorkerProcess } from '../worker-process.ts'

const inFlight = 64
/** ms of each measurement: some 100,000 calls of the fast ones. */
const loadMs = 1_500
const aloneMs = 500
/** ms of load before the first round: what runs once per batch is compiled late, and rounds would measure that. */
const warmMs = 5_000

/** What is measured of one kind of call. */
export interface Figures {
  /** Calls per second, 64 in flight. */
  readonly calls_per_s: number
  /** Microseconds of the median call, 1 in flight. */
  readonly p50_alone_us: number
  /** Microseconds of CPU a call, both processes, 64 in flight. */
  readonly cpu_us_per_call: number
}

/** A row of the table: a module of `contenders/` and the calls of it that are measured. */
export interface Entry {
  readonly name: string
  readonly call: CallName
}

/** `tls`, `mesh.objects` */
export const keyOf = ({ name, call }: Entry): string => (call === 'echo' ? name : `${name}.${call}`)

export interface Pair {
  readonly server: WorkerProcess
  readonly client: WorkerProcess
}

/** Medians of `rounds` rounds for each entry, by its key. Two processes for each contender. */
export async function measureInTurns(
  entries: readonly Entry[],
  rounds: number,
  progress: (line: string) => void,
): Promise<Map<string, Figures>> {
  const pairs = new Map<string, Pair>()
  try {
    for (const { name } of entries) if (!pairs.has(name)) pairs.set(name, await startPair(name))
    const measured = new Map<string, Figures[]>()
    const turn = async (visit: (entry: Entry, pair: Pair) => Promise<void>): Promise<void> => {
      for (const entry of entries) await visit(entry, pairs.get(entry.name) as Pair)
    }
    await turn(async (entry, { client }) => {
      progress(`warming up ${keyOf(entry)}`)
      await client.ask('throughput', entry.call, inFlight, warmMs)
    })
    for (let round = 1; round <= rounds; round++)
      await turn(async (entry, pair) => {
        const figures = await measure(pair, entry.call)
        progress(`round ${round} ${keyOf(entry)}: ${JSON.stringify(figures)}`)
        measured.set(keyOf(entry), [...(measured.get(keyOf(entry)) ?? []), figures])
      })
    return new Map([...measured].map(([key, all]) => [key, mediansOf(all)]))
  } finally {
    await stopPairs(pairs.values())
  }
}

/** A server and a client, connected. */
export async function startPair(name: string): Promise<Pair> {
  const modulePath = new URL(`../contenders/${name}.ts`, import.meta.url).href
  const [server, client] = await Promise.all([
    WorkerProcess.start(modulePath),
    WorkerProcess.start(modulePath),
  ])
  try {
    await client.ask('connect', await server.ask('serve'))
  } catch (error) {
    await Promise.all([client.stop(), server.stop()])
    throw error
  }
  return { server, client }
}

export async function stopPairs(pairs: Iterable<Pair>): Promise<void> {
  await Promise.all([...pairs].flatMap(({ server, client }) => [client.stop(), server.stop()]))
}

async function measure({ server, client }: Pair, call: CallName): Promise<Figures> {
  const cpu = async (): Promise<number> => (await client.ask('cpu')) + (await server.ask('cpu'))
  const before = await cpu()
  const { calls, ms } = await client.ask('throughput', call, inFlight, loadMs)
  const used = (await cpu()) - before
  return {
    calls_per_s: Math.round((calls / ms) * 1_000),
    cpu_us_per_call: round3(used / calls),
    p50_alone_us: round3(await client.ask('alone', call, aloneMs)),
  }
}

const mediansOf = (all: readonly Figures[]): Figures => {
  const of = (key: keyof Figures): number => median(all.map(figures => figures[key]))
  return {
    calls_per_s: of('calls_per_s'),
    p50_alone_us: of('p50_alone_us'),
    cpu_us_per_call: of('cpu_us_per_call'),
  }
}

/** One entry's median over another's. */
export function ratioOf(
  figures: ReadonlyMap<string, Figures>,
  key: keyof Figures,
  mine: string,
  other: string,
): number {
  const of = (name: string): number => figures.get(name)?.[key] ?? Number.NaN
  return round3(of(mine) / of(other))
}

const round3 = (value: number): number => Math.round(value * 1_000) / 1_000

/** How an agent guards its calls against providers that fail: every default with its reason. */
import { parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { turnDefaults } from '../../rpc/index.ts'

const millis = z.number().check(z.minimum(1), z.maximum(3_600_000))
const share = z.number().check(z.minimum(0), z.maximum(1))
const some = z.int().check(z.minimum(1), z.maximum(1_000_000))

const breakerField = z.strictObject({
  /** Failures in a row that open it. 5, as Envoy: two or three are one lost packet of calls in flight together. @default 5 */
  consecutive: z._default(some, 5),
  /** It opens below this share of calls answered: a provider that fails half of its calls costs more than it serves. @default 0.5 */
  ratio: z._default(share, 0.5),
  /** Calls in the window before the share says anything: where 10 % fail, 11 of 20 fail by chance once in a million. @default 20 */
  minCalls: z._default(some, 20),
  /** ms. Longer than a garbage collection or the election of a database, short enough to forget yesterday. @default 10,000 */
  windowMs: z._default(millis, 10_000),
  /** ms until the first probe: a process restarts in about that time. It doubles with each probe that fails. @default 1,000 */
  openMs: z._default(millis, 1_000),
  /** ms between probes at most: a call that fails in half a minute is a price to pay for finding out. @default 30,000 */
  maxOpenMs: z._default(millis, 30_000),
  /**
   * Share of the providers of a service that may be ejected at once, never the last: where most fail, the fault is elsewhere, and
   * the rest would drown in the calls of all. @default 0.5
   */
  maxEjected: z._default(share, 0.5),
})

const shedField = z.strictObject({
  /** ms that handlers run before the process reads what has arrived: a ping or a cancel waits for one turn. @default 20 */
  turnMs: z._default(z.number().check(z.minimum(1), z.maximum(1_000)), turnDefaults.turnMs),
  /**
   * ms that a request may wait for its turn: longer than a burst of 40 handlers of 5 ms, and short enough that its caller can ask
   * another member within a second. Half of it once the queue has stood for half a second. @default 200
   */
  waitMs: z._default(millis, turnDefaults.mostWaitMs),
  /**
   * Share of the memory limit above which new calls and streams are refused, until a tenth less is in use: a tenth is left for the
   * answers of what runs, and for the garbage between two collections. @default 0.9
   */
  memory: z._default(z.number().check(z.minimum(0.2), z.maximum(0.99)), 0.9),
})

const resilienceSchema = z.strictObject({
  /** Ejects a provider that fails; false: none ever. */
  breaker: z._default(z.union([z.literal(false), breakerField]), z.parse(breakerField, {})),
  /**
   * Calls in flight at one member at most: more fail with `overloaded`. A quarter of the 16,384 of a link, so that one slow callee
   * leaves room and memory to the others; false: no bound of its own. @default 4,096
   */
  perCallee: z._default(z.union([z.literal(false), some]), 4_096),
  /**
   * Tries beyond the first that each call earns, beside ten a second while anything answers. A fifth, as Finagle: enough for one lost
   * link under many calls, while an outage gets less than 1.25 tries for each call. @default 0.2
   */
  retryBudget: z._default(share, 0.2),
  /** What this agent refuses as a callee when it is short of processor time or memory; false: nothing, calls wait. */
  shed: z._default(z.union([z.literal(false), shedField]), z.parse(shedField, {})),
  /** Share of the calls that may be sent twice by hedging: enough for those beyond the 95th percentile. @default 0.05 */
  hedgeBudget: z._default(share, 0.05),
})

export type ShedSettings = z.output<typeof shedField>
export type BreakerSettings = z.output<typeof breakerField>
export type ResilienceSettings = z.output<typeof resilienceSchema>
export type ResilienceOptions = z.input<typeof resilienceSchema>

/** What `resilience: false` means: every provider is asked, however often it failed. What protects others stays. */
const none: ResilienceSettings = {
  ...z.parse(resilienceSchema, {}),
  ...{ breaker: false, perCallee: false, hedgeBudget: 0 },
}

/** @throws MeshError `invalid_argument` */
export const resilienceOf = (options: ResilienceOptions | false = {}): ResilienceSettings =>
  options === false ? none : parse(resilienceSchema, options, 'start: resilience')

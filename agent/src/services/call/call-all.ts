import { MeshError, toMeshError } from '@agent-mesh/protocol'
import type { CallTargets } from '../balance/call-targets.ts'
import { callAllConcurrency } from './defaults.ts'

export interface CallAllOptions {
  /** ms for the whole: members that have not answered by then count as failed with `deadline_exceeded`. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly idempotent?: boolean | undefined
  /** What the handlers read as `ctx.metadata`. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Asks members that are believed offline, too. @default false */
  readonly offline?: boolean | undefined
  /** Members asked at a time. @default 64 */
  readonly concurrency?: number | undefined
}

interface Member {
  readonly peerId: string
  readonly name?: string
}

export type CallAllResult<T = unknown> =
  | (Member & { readonly ok: true; readonly value: T })
  | (Member & { readonly ok: false; readonly error: MeshError })

/** Of a call that gives results as they come. */
export type CallEachOptions = CallAllOptions & { readonly each: true }

export interface CallAllResults<T = unknown> {
  /** One for each member asked. */
  readonly results: CallAllResult<T>[]
  /** Members that serve the method and were not asked, as they are believed offline. */
  readonly skipped: number
}

/** Names members. */
export type AskTargets = Pick<CallTargets, 'nameOf'>
/** Calls one member. */
export type Ask = (peerId: string) => Promise<{ value: unknown }>

/** @throws MeshError `invalid_argument` for a concurrency below 1, which would ask no member */
export function checkAtATime(concurrency: number): void {
  if (!(concurrency >= 1))
    throw new MeshError('invalid_argument', `Cannot call each member: concurrency is ${concurrency}`)
}

/** Asks each member once its turn comes. Results are in the order of `peerIds`. @throws MeshError as {@link checkAtATime} */
export async function askAll(
  targets: AskTargets,
  peerIds: readonly string[],
  ask: Ask,
  concurrency = callAllConcurrency,
): Promise<CallAllResult[]> {
  checkAtATime(concurrency)
  const results: CallAllResult[] = []
  const turns = peerIds.entries()
  const worker = async (): Promise<void> => {
    for (const [index, peerId] of turns) results[index] = await oneResult(targets, peerId, ask)
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, peerIds.length) }, worker))
  return results
}

/** The answer of a member, or the error of its call; never rejects. */
export async function oneResult(targets: AskTargets, peerId: string, ask: Ask): Promise<CallAllResult> {
  const name = targets.nameOf(peerId)
  const member: Member = name === undefined ? { peerId } : { peerId, name }
  try {
    return { ...member, ok: true, value: (await ask(peerId)).value }
  } catch (error) {
    return { ...member, ok: false, error: toMeshError(error, 'internal', `call ${name ?? peerId}`) }
  }
}

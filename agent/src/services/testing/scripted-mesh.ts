/** Members whose answers a spec scripts, call by call: for what the tries of one call do. */
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { encodeBody } from '@agent-mesh/protocol/wire/index'
import type { LinkCallOptions } from '../../rpc/index.ts'
import type { Balancer } from '../balance/balancer.ts'
import type { Callee, CalleeOptions } from '../balance/call-targets.ts'
import type { Providers } from '../balance/directory.ts'
import { Attempts } from '../call/attempts.ts'
import type { Plan } from '../call/plan.ts'

export type Script = (options: LinkCallOptions, asked: number) => Promise<unknown>

export interface ScriptedMesh {
  attempts: Attempts
  /** Names in the order in which they were called. */
  calls: string[]
  dials: { name: string; ms: number }[]
  retried: ErrorCode[]
}

/** Members by name; `dial` may fail or wait. */
export function meshOf(
  members: Record<string, Script>,
  dial: (name: string, options: CalleeOptions) => Promise<void> = () => Promise.resolve(),
  balancer?: Balancer,
): ScriptedMesh {
  const calls: string[] = []
  const dials: ScriptedMesh['dials'] = []
  const retried: ErrorCode[] = []
  const callee = async (name: string, options: CalleeOptions): Promise<Callee> => {
    dials.push({ name, ms: options.deadline - performance.now() })
    await dial(name, options)
    return {
      path: name === 'a' ? 'relay' : 'direct',
      call: (_method, _params, callOptions = {}) => {
        calls.push(name)
        return members[name]!(callOptions, calls.filter(called => called === name).length)
      },
    }
  }
  const metrics = {
    callEnded: () => {},
    callRetried: (_: string, code: ErrorCode) => void retried.push(code),
  }
  const now = () => performance.now()
  return {
    attempts: new Attempts({ targets: { callee }, metrics, balancer, now, random: () => 0 }),
    calls,
    dials,
    retried,
  }
}

export const plan = (change: Partial<Plan> = {}): Plan => ({
  method: 'a.b',
  wireName: 'a.b',
  service: 'a',
  params: encodeBody(1, 'params'),
  contract: undefined,
  deadline: performance.now() + 10_000,
  signal: undefined,
  idempotent: true,
  ...change,
})

export const good = (...names: string[]): (() => Providers) => {
  const providers = { good: names, doubtful: [], offline: [] }
  return () => providers
}
export const answer: Script = () => Promise.resolve('answer')
export const refuse =
  (code: ErrorCode): Script =>
  () =>
    Promise.reject(new MeshError(code, 'Cannot', { told: true, notStarted: true }))

/** A path that is silent from the first call on; says whether the call was given up. */
export function silent() {
  let settle: (result: Promise<unknown>) => void = () => {}
  const givenUp = Promise.withResolvers<void>()
  const script: Script = ({ onDoubt }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    settle = resolve
    onDoubt?.(() => {
      givenUp.resolve()
      settle(Promise.reject(new MeshError('cancelled', 'Cannot')))
    })
    return promise
  }
  return { script, givenUp: givenUp.promise, settle: (result: Promise<unknown>) => settle(result) }
}

/** Calls whose params or result no frame carries, at their caller. */
import { asStarted, MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import type { EncodedBody, FrameBody } from '@agent-mesh/protocol/wire/index'
import type { LinkCallOptions, PendingCall } from '../calls/pending-call.ts'
import { callTimeoutMs } from '../defaults.ts'
import type { TimerWheel } from '../../core/timer-wheel.ts'
import type { LinkBodies } from './link-bodies.ts'

/** Sends a request with a reference to its params; settles when the callee has them, or the call ended. */
export type SendReference<T, Options> = (reference: EncodedBody, options: Options) => Promise<T>

export interface LendParamsInit<T, Options extends LinkCallOptions> {
  bodies: LinkBodies
  wheel: Pick<TimerWheel, 'now'>
  method: string
  body: EncodedBody
  options: Options
  send: SendReference<T, Options>
}

/** Makes a call with params that its callee fetches; they are lent until it ends. @throws MeshError as the call */
export async function lendParams<T, Options extends LinkCallOptions>(
  init: LendParamsInit<T, Options>,
): Promise<T> {
  const { bodies, wheel, method, body, options, send } = init
  const { timeoutMs = callTimeoutMs, dueAt = wheel.now() + timeoutMs } = options
  const ended = new AbortController()
  const limits = [ended.signal, timeoutSignal(timeoutMs), ...(options.signal ? [options.signal] : [])]
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  let sent = false
  const named = (reference: EncodedBody): void => {
    sent = true
    const left = { ...options, dueAt, timeoutMs: dueAt - wheel.now() }
    send(reference, left).then(resolve, reject)
  }
  bodies.lend(body, { signal: AbortSignal.any(limits), named }).catch((error: unknown) => {
    // Once it is sent, the call itself says best why it fails.
    if (!sent) reject(asStarted(toMeshError(error, 'unavailable', `call ${method}`), false))
  })
  try {
    return await promise
  } finally {
    ended.abort()
  }
}

/** Brings the result that a response names. @throws MeshError as the call, whose handler has run */
export async function fetchResult(
  bodies: LinkBodies,
  { method, mostBytes }: PendingCall,
  reference: FrameBody,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    const { body, release } = await bodies.fetch(reference, { mostBytes, signal, waits: true })
    release()
    return body.value()
  } catch (error) {
    const { code, message, cause, hint } = toMeshError(error, 'internal', `fetch the result of ${method}`)
    throw new MeshError(code, message, { cause, ...(hint === undefined ? {} : { hint }) })
  }
}

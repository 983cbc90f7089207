import { MeshError } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import { checkAbortable } from '../core/check-abortable.ts'
import { namesOf } from '../core/option-names.ts'
import type { CallTargets } from '../services/index.ts'
import type { Member } from '../member/member.ts'

export interface AwaitOptions {
  /** ms. @default 30,000 */
  timeout?: number | undefined
  signal?: AbortSignal | undefined
}

const awaitNames = namesOf<AwaitOptions>({ timeout: true, signal: true })

export interface AwaitProviderInit {
  targets: Pick<CallTargets, 'providers'>
  /** Sources of changes: each takes a listener and returns how to stop listening. */
  changes: readonly ((listener: () => void) => () => void)[]
  /** @default of the process */
  startTimer?: StartTimer
}

/** All that may change who serves what. */
export const providerChanges = ({
  map,
  belief,
  serving,
}: Pick<Member, 'map' | 'belief' | 'serving'>): AwaitProviderInit['changes'] =>
  [map, belief, serving.registry].map(source => (listener: () => void) => source.onChange(listener))

/**
 * Waits until a member that serves `service` (`math`, `math@2`) is known and not believed offline; the agent itself counts.
 * @throws MeshError `deadline_exceeded`, `cancelled`, `invalid_argument` for options that are none
 */
export async function awaitProvider(
  { targets, changes, startTimer: start = startTimer }: AwaitProviderInit,
  service: string,
  options: AwaitOptions = {},
): Promise<void> {
  checkAbortable(options, awaitNames, 'wait for', service)
  const { timeout = 30_000, signal } = options
  const ms = checkDuration(timeout, `wait for ${service}`)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const look = async (): Promise<void> => {
    const { good, doubtful } = await targets.providers(service)
    if (good.length + doubtful.length > 0) resolve()
  }
  const late = () =>
    new MeshError('deadline_exceeded', `Cannot wait for ${service}: no member served it within ${ms} ms`, {
      hint: 'List services and their providers with "agent-mesh services".',
    })
  const cancelled = () =>
    new MeshError('cancelled', `Cannot wait for ${service}: cancelled by the caller`, {
      cause: signal?.reason,
    })

  if (signal?.aborted === true) throw cancelled()
  const lookAgain = () => void look().catch(reject)
  const stops = changes.map(onChange => onChange(lookAgain))
  const timer = start(ms, () => reject(late()))
  const onAbort = () => reject(cancelled())
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    lookAgain()
    await promise
  } finally {
    for (const stop of stops) stop()
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

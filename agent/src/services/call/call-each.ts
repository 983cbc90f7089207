import { checkAtATime, oneResult, type Ask, type AskTargets, type CallAllResult } from './call-all.ts'
import { callAllConcurrency } from './defaults.ts'

/**
 * Asks each member once its turn comes, and yields results as they come. No more than `concurrency` calls are in flight or answered
 * and not read yet: a slow reader gathers nothing. @throws MeshError `invalid_argument` for a concurrency below 1
 */
export async function* askEach(
  targets: AskTargets,
  peerIds: readonly string[],
  ask: Ask,
  concurrency = callAllConcurrency,
): AsyncGenerator<CallAllResult, void, undefined> {
  checkAtATime(concurrency)
  const answered: CallAllResult[] = []
  let arrived = Promise.withResolvers<void>()
  const begin = async (peerId: string): Promise<void> => {
    answered.push(await oneResult(targets, peerId, ask))
    arrived.resolve()
  }
  let begun = 0
  for (let read = 0; read < peerIds.length; read++) {
    for (; begun < peerIds.length && begun - read < concurrency; begun++) void begin(peerIds[begun]!)
    if (answered.length === 0) {
      arrived = Promise.withResolvers()
      await arrived.promise
    }
    yield answered.shift()!
  }
}

import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as wait } from 'node:timers/promises'

import { commandDefaults } from '../defaults.ts'

/** Asks for the bootstrap until it is of this mesh: a new API takes a moment to be found. @throws MeshError unavailable */
export async function smokeTest(url: string, meshId: string, signal: AbortSignal): Promise<void> {
  const end = performance.now() + commandDefaults.smokeTestMs
  for (let pause = 500; ; pause *= 2) {
    const answer = await ask(url, signal)
    if (answer === meshId) return
    if (performance.now() + pause > end)
      throw new MeshError(
        'unavailable',
        `Cannot finish the deployment: ${url} answers ${answer}, not mesh ${meshId}`,
        {
          hint: 'The log of the Api function in CloudWatch has the reason. Correct it, then run the command again.',
        },
      )
    await wait(timerDelay(pause), undefined, { signal })
  }
}

async function ask(url: string, signal: AbortSignal): Promise<string> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) })
    const body = (await reply.json()) as { meshId?: unknown }
    return reply.ok ? String(body.meshId) : String(reply.status)
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof Error ? error.message : String(error)
  }
}

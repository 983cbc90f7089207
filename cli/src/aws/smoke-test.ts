/** What a new member, an admin and a relay ask of a control plane, asked of one that was just deployed. */
import { createLogger } from '@agent-mesh/agent/observe/logger'
import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { Watch } from '@agent-mesh/relay/map/watch'
import { setTimeout as wait } from 'node:timers/promises'

import { adminClient } from '../data/admin-client.ts'
import { commandDefaults } from '../defaults.ts'

export interface SmokeTestInit {
  /** Data folder of the operator: the admin of its context asks. */
  folder: string
  /** Where members reach the API. */
  publicUrl: string
  meshId: string
  /** ms that each check has. */
  checkMs?: number
  signal: AbortSignal
}

export interface Tested {
  client: ControlPlaneClient
  /** A join token for one machine, made by the check of admins. */
  token: string
}

/**
 * Checks in this order: `bootstrap` is of this mesh; `admin`: an admin makes a join token, which reads and writes the table; `watch`:
 * the head is pushed to a watcher. Each is tried for `checkMs`, a minute by default: a new API takes a moment to be found.
 * @throws MeshError unavailable naming the check that failed
 */
export async function smokeTest(init: SmokeTestInit): Promise<Tested> {
  const { folder, publicUrl, meshId, checkMs = commandDefaults.smokeTestMs, signal } = init
  const url = `${publicUrl}/v1/bootstrap`
  const within = { checkMs, signal }
  await check('bootstrap', within, async () => {
    const answer = await meshAt(url, signal)
    if (answer !== meshId) throw new Error(`${url} answers ${answer}, not mesh ${meshId}`)
  })
  const client = await adminClient(folder, undefined)
  const { token } = await check('admin', within, () =>
    client.createToken({ uses: 1, expiresIn: 24 * 3_600 }, signal),
  )
  await check('watch', within, () => headIsPushed(client, within))
  return { client, token }
}

type Within = Required<Pick<SmokeTestInit, 'checkMs' | 'signal'>>

/** Repeats what fails, with growing pauses. @throws MeshError unavailable with the last reason */
async function check<T>(name: string, { checkMs, signal }: Within, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + checkMs
  for (let pause = 500; ; pause *= 2) {
    try {
      return await work()
    } catch (cause) {
      signal.throwIfAborted()
      if (performance.now() + pause > end)
        throw new MeshError(
          'unavailable',
          `Cannot finish the deployment: check ${name} failed: ${reasonOf(cause)}`,
          { cause, hint: 'The logs of the functions Api, Watch and FanOut in CloudWatch have the reason.' },
        )
    }
    await wait(timerDelay(pause), undefined, { signal })
  }
}

/** What fetch says has its reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, cause } = error
  return cause instanceof Error && !(error instanceof MeshError) ? `${message}: ${cause.message}` : message
}

/** @returns the mesh that answers, else the status @throws Error when nothing answers within 10 s */
async function meshAt(url: string, signal: AbortSignal): Promise<string> {
  const reply = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) })
  if (!reply.ok) return `with status ${reply.status}`
  const { meshId } = (await reply.json()) as { meshId?: unknown }
  return String(meshId)
}

/** @throws Error when no head comes within the time of a check */
async function headIsPushed(client: ControlPlaneClient, { checkMs, signal }: Within): Promise<void> {
  const pushed = Promise.withResolvers<void>()
  const watch = new Watch({
    target: async () => {
      const { watchUrl } = await client.bootstrap({}, signal)
      const url = new URL(watchUrl)
      return { url, headers: await client.authorize(url) }
    },
    onMessage: message => {
      if (message.type === 'head') pushed.resolve()
      return Promise.resolve()
    },
    log: createLogger('deploy', 'silent'),
  })
  const waiting = new AbortController()
  const overdue = wait(timerDelay(checkMs), undefined, {
    signal: AbortSignal.any([signal, waiting.signal]),
  }).then(() => {
    throw new Error(`no head was pushed within ${checkMs / 1_000} s`)
  })
  watch.start()
  try {
    await Promise.race([pushed.promise, overdue])
  } finally {
    waiting.abort()
    overdue.catch(() => {})
    await watch.stop()
  }
}

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ControlPlaneOptions } from '@agent-mesh/lambdas'

export interface ServerProcess {
  readonly url: string
  readonly meshId: string
  /** Seconds of CPU since it began. */
  cpu(): Promise<number>
  /** Resolves when what a start brings with it (garbage) is over, or after `ms`. */
  settled(ms: number): Promise<void>
  stop(): Promise<void>
}

/** Starts a control plane as a process of its own. */
export async function startServer(options: {
  data: string
  maxMembers: number
  store?: ControlPlaneOptions['store']
  env?: Record<string, string>
}): Promise<ServerProcess> {
  const { env = {}, ...rest } = options
  const child = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [JSON.stringify(rest)], {
    stdio: ['ignore', 2, 2, 'ipc'],
    env: { ...process.env, ...env },
  })
  const exit = once(child, 'exit')
  const failed = exit.then(([code]: unknown[]) => {
    throw new Error(`Cannot start the control plane: it ended with ${String(code)}`)
  })
  failed.catch(() => undefined)
  const [ready] = (await Promise.race([once(child, 'message'), failed])) as [{ url: string; meshId: string }]
  const cpu = async (): Promise<number> => {
    child.send('cpu')
    const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage]
    return (user + system) / 1e6
  }
  return {
    ...ready,
    cpu,
    settled: async ms => {
      const until = performance.now() + ms
      for (let before = -1, used = await cpu(); used - before > 0.05 && performance.now() < until;) {
        await wait(500)
        before = used
        used = await cpu()
      }
    },
    stop: async () => {
      if (child.connected) child.disconnect()
      await exit
    },
  }
}

/** Bundled Lambdas as processes of their own. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface RunningFunction {
  readonly url: string
  stop(): Promise<void>
}

/** @param bundle folder with `index.mjs` @param env all of the environment that the function has */
export async function runFunction(bundle: string, env: Record<string, string>): Promise<RunningFunction> {
  // Its log is not read.
  const child = fork(join(import.meta.dirname, 'function-process.ts'), [bundle], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env,
  })
  const exited = once(child, 'exit')
  const ended = exited.then(([code]) => {
    throw new Error(`the function of ${bundle} ended with ${String(code)} before it answered`)
  })
  const [address] = (await Promise.race([once(child, 'message'), ended])) as [AddressInfo]
  ended.catch(() => {})
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

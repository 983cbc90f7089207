/** Calls of the caller while something is deployed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export interface LoadReport {
  begun: number
  /** Not begun, as too many ran. */
  skipped: number
  seconds: number
  /** By the name of the agent that answered. */
  answered: Record<string, number>
  /** By what was said. */
  failed: Record<string, number>
}

export interface RunningLoad {
  /** Begins no more calls. @returns what became of all @throws Error where the program failed */
  stop(): Promise<LoadReport>
}

/** @param container that of the caller @param env for `docker` */
export function startLoad(container: string, perSecond: number, env: NodeJS.ProcessEnv): RunningLoad {
  const args = ['exec', '--interactive', container, 'node', '/srv/load.ts', String(perSecond)]
  const child = spawn('docker', args, { env, stdio: 'pipe' })
  const said = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return {
    async stop() {
      child.stdin.end()
      const [stdout, stderr, [code]] = await said
      if (code !== 0) throw new Error(`The calls ended with exit ${String(code)}: ${stderr.slice(-2_000)}`)
      return JSON.parse(stdout) as LoadReport
    },
  }
}

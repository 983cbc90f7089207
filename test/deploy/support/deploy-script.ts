import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const script = join(import.meta.dirname, '../../../deploy/deploy.sh')

export interface Deployed {
  /** Exit code. */
  code: number
  said: string
}

export interface Deployment {
  /** As Ctrl-C. */
  interrupt(): void
  /** Never rejects. */
  ended: Promise<Deployed>
}

/** Starts deploy.sh. */
export function startDeploy(args: readonly string[], env: NodeJS.ProcessEnv): Deployment {
  const running = promisify(execFile)(script, args, { env })
  const ended = running.then(
    ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      said: stdout + stderr,
    }),
  )
  return { ended, interrupt: () => void running.child.kill('SIGINT') }
}

/** Runs the CDK of this checkout: the stacks are source, which the published command does not carry. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface CdkOptions {
  stack: string
  /** `name=value` of `-c`. */
  settings: readonly string[]
  signal: AbortSignal
  /** Folder of an assembly to deploy as it is. @default the stacks of this checkout */
  assembly?: string | undefined
}

/** @throws MeshError unsupported outside a checkout */
function checkout(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, 'cdk.json'))) return folder
  throw new MeshError(
    'unsupported',
    'Cannot deploy: the command does not run from a checkout of Agent Mesh',
    {
      hint: 'Clone the repository, run npm ci in it, then npx agent-mesh deploy aws.',
    },
  )
}

/** Runs a CDK command to its end; its output goes to stderr. @throws MeshError unavailable when it fails */
export async function cdk(
  args: readonly string[],
  { stack, settings, signal, assembly }: CdkOptions,
): Promise<void> {
  const root = checkout()
  const context = [`stack=${stack}`, ...settings].flatMap(setting => ['-c', setting])
  const command = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk')
  // The app runs on the Node that runs this, whatever the shell would find.
  const app = assembly ?? `"${process.execPath}" infra/src/app.ts`
  const child = spawn(process.execPath, [command, ...args, '--app', app, ...context], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    signal,
    killSignal: 'SIGTERM',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0)
    throw new MeshError('unavailable', `Cannot deploy: cdk ${args[0] ?? ''} ended with ${String(code)}`, {
      hint: 'The output above has the reason. Credentials: AWS_PROFILE or AWS_ACCESS_KEY_ID; region: AWS_REGION.',
    })
}

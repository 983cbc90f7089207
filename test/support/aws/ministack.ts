/** The AWS emulator as a process of its own on a free port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { freePort } from '../free-port.ts'

export interface Ministack {
  readonly port: number
  /** What the SDKs and the CDK need to find it. */
  readonly env: Record<string, string>
  readonly log: string
  stop(): Promise<void>
}

/** @param bin folder of the Python tools @param data a folder for what it keeps */
export async function startMinistack(bin: string, data: string): Promise<Ministack> {
  const port = await freePort()
  const log = join(data, 'ministack.log')
  const out = createWriteStream(log)
  const child = spawn(join(bin, 'ministack'), {
    cwd: data,
    // The functions run on the Node that runs this.
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      S3_DATA_DIR: join(data, 's3'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.pipe(out)
  child.stderr.pipe(out)
  const url = `http://localhost:${port}`
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(patience)
  }
  for (const end = Date.now() + 60_000; !(await answers(`${url}/_ministack/health`)); await wait(200))
    if (Date.now() > end || child.exitCode !== null) {
      await stop()
      throw new Error(`ministack did not start: see ${log}`)
    }
  return { port, env: environment(url), log, stop }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

/** Keys of 12 digits would name an account. */
const environment = (url: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: url,
  AWS_ENDPOINT_URL_S3: url,
  AWS_ACCESS_KEY_ID: 'agentmesh',
  AWS_SECRET_ACCESS_KEY: 'agentmesh',
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
})

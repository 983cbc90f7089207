import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The built command, as it is installed. */
export const commandFile = join(import.meta.dirname, '..', '..', '..', 'cli', 'dist', 'bin', 'agent-mesh.js')

export interface Peer {
  name: string
  online: boolean
}

/** Clock ticks of /proc in a second, on every Linux that Node runs on. */
const ticksPerSecond = 100

/** Seconds of CPU of a process so far; 0 where there is no /proc. */
export function cpuSeconds(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return 0
  }
}

/** A control plane, a relay or an agent, started by the built command in a data folder of its own. */
export class CommandProcess {
  readonly data: string
  /** Its ready line, or undefined when it ended before. */
  readonly ready: Promise<Record<string, unknown> | undefined>
  readonly #child: ChildProcess
  #said = ''

  constructor(data: string, args: readonly string[]) {
    this.data = data
    const all = [commandFile, ...args, '--data', data, '--json', '--log-level', 'error']
    this.#child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#said = `${this.#said}${chunk}`.slice(-500)))
    const exited = once(this.#child, 'exit').then(() => undefined)
    const lines = createInterface({ input: this.#child.stdout! })
    const line = once(lines, 'line').then(([text]) => JSON.parse(String(text)) as Record<string, unknown>)
    this.ready = Promise.race([line, exited])
  }

  /** Its last words on stderr. */
  get said(): string {
    return this.#said
  }

  get cpu(): number {
    return cpuSeconds(this.#child.pid)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  /** Whom it lists, as `agent-mesh peers` asks it; nobody when it does not answer in time. */
  async peers(): Promise<Peer[]> {
    const socketPath = join(this.data, 'agent.sock')
    const options = { socketPath, path: '/v1/peers', agent: false, timeout: 5_000 }
    try {
      const asked = request(options).end()
      asked.on('timeout', () => asked.destroy())
      const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
      let text = ''
      for await (const chunk of response) text += chunk.toString()
      return (JSON.parse(text) as { peers: Peer[] }).peers
    } catch {
      return []
    }
  }
}

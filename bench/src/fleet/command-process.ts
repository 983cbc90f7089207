import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The built command, as it is installed. */
export const commandFile = join(import.meta.dirname, '..', '..', '..', 'cli', 'dist', 'bin', 'agent-mesh.js')

export interface Peer {
  name: string
  online: boolean
}

/**
 * Seconds of CPU of the threads of a process so far; 0 where there is no /proc. From the scheduler, to the nanosecond: the
 * clock ticks of /proc/PID/stat count twice too much for a process that sleeps until one.
 */
export const cpuSeconds = (pid: number | undefined): number => scheduledSeconds(pid, 0)

/** As {@link cpuSeconds}, for which they could run and waited for a processor: what other work took from it. */
export const waitedSeconds = (pid: number | undefined): number => scheduledSeconds(pid, 1)

/** @param field of schedstat, ns */
function scheduledSeconds(pid: number | undefined, field: 0 | 1): number {
  try {
    const of = (thread: string): number =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[field])
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + of(thread), 0) / 1e9
  } catch {
    return 0
  }
}

/** Resident memory of a process now, MB (10^6 bytes); 0 where there is no /proc. */
export function rssMb(pid: number | undefined): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return (Number(kib) * 1_024) / 1e6
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

  /** @param within a command that becomes this one, such as `ip netns exec NAME` */
  constructor(data: string, args: readonly string[], within: readonly string[] = []) {
    this.data = data
    const all = [...within, process.execPath, commandFile, ...args, '--data', data, '--json']
    const [command = process.execPath, ...rest] = [...all, '--log-level', 'error']
    this.#child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
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

  get waited(): number {
    return waitedSeconds(this.#child.pid)
  }

  get rssMb(): number {
    return rssMb(this.#child.pid)
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

  /** The peers that it lists, as `agent-mesh peers` asks it; none when it does not answer in time. */
  async peers(): Promise<Peer[]> {
    const { status, text } = await this.#ask('GET', '/v1/peers', 5_000)
    return status === 200 ? (JSON.parse(text) as { peers: Peer[] }).peers : []
  }

  /** One call of `host.info` at any member, as `agent-mesh call` asks for it. @returns why it failed, if it did */
  async call(): Promise<string | undefined> {
    const body = { method: 'host.info', params: {}, timeoutMs: 10_000, idempotent: true }
    const { status, text } = await this.#ask('POST', '/v1/call', 15_000, JSON.stringify(body))
    if (status === 200) return undefined
    return status === 0 ? 'no answer within 15 s' : (JSON.parse(text) as { detail: string }).detail
  }

  /** `host.info` at all members that it believes online. @returns how many answered */
  async callAll(): Promise<number> {
    const body = { method: 'host.info', params: {}, timeoutMs: 30_000, idempotent: true }
    const { status, text } = await this.#ask('POST', '/v1/call-all', 35_000, JSON.stringify(body))
    if (status !== 200) return 0
    return (JSON.parse(text) as { results: { ok: boolean }[] }).results.filter(({ ok }) => ok).length
  }

  /** @returns status 0 when it does not answer in time */
  async #ask(
    method: string,
    path: string,
    timeout: number,
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const options = {
      socketPath: join(this.data, 'agent.sock'),
      method,
      path,
      headers,
      agent: false,
      timeout,
    }
    try {
      const asked = request(options).end(body)
      asked.on('timeout', () => asked.destroy())
      const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
      let text = ''
      for await (const chunk of response) text += chunk.toString()
      return { status: response.statusCode, text }
    } catch {
      return { status: 0, text: '' }
    }
  }
}

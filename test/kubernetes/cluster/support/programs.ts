/** Programs of a cluster that run until its end, with one log. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { endChild } from '../../../support/command.ts'

interface Running {
  child: ChildProcess
  /** When it has ended and all that it said is read. */
  closed: Promise<void>
}

export class Programs {
  readonly #file: string
  readonly #log: WriteStream
  readonly #running: Running[] = []

  /** @param log file */
  constructor(log: string) {
    this.#file = log
    this.#log = createWriteStream(log, { flags: 'a' })
  }

  start(file: string, args: readonly string[]): void {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.on('error', error => this.#log.write(`${error.message}\n`))
    for (const stream of [child.stdout, child.stderr]) stream.pipe(this.#log, { end: false })
    const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
    this.#running.push({ child, closed })
  }

  /** The end of their log. */
  async said(): Promise<string> {
    const text = await readFile(this.#file, 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-20).join('\n')
  }

  /** The last first. */
  async end(): Promise<void> {
    for (const { child, closed } of this.#running.reverse()) {
      await endChild(child)
      await closed
    }
    const closed = once(this.#log, 'close')
    this.#log.end()
    await closed
  }
}

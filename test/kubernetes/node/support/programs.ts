/** Programs of a cluster that run until its end, with one log. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { endChild } from '../../../support/command.ts'

export class Programs {
  readonly #log: string
  readonly #children: ChildProcess[] = []

  /** @param log file */
  constructor(log: string) {
    this.#log = log
  }

  start(file: string, args: readonly string[]): void {
    const log = createWriteStream(this.#log, { flags: 'a' })
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false })
    this.#children.push(child)
  }

  /** The end of their log. */
  async said(): Promise<string> {
    const text = await readFile(this.#log, 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-20).join('\n')
  }

  /** The last first. */
  async end(): Promise<void> {
    for (const child of this.#children.reverse()) await endChild(child)
  }
}

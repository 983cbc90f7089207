/**
 * One deployment of an environment at a time. The file has the process that deploys, then the commands that it runs: those may outlive
 * a deployment that was killed, and the next one waits for them. Each has a line: its number, and what it is.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { randomUUID } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { link, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { readLock, removeLeft } from './lock-file.ts'

const lookMs = 250
const goneMs = 5

export interface LockInit {
  file: string
  /** What this process does, for others who find it here. */
  title: string
  /** For another deployment, ms. */
  waitMs: number
  /** For the commands that a killed deployment left, ms. */
  leftMs: number
  /** To the operator, a line. */
  say(line: string): void
  signal: AbortSignal
}

interface Holder {
  pid: number
  title: string
  /** Else the command of a deployment that was killed. */
  deploys: boolean
}

export class Lock {
  readonly #file: string
  readonly #title: string
  readonly #say: LockInit['say']
  readonly #commands = new Map<number, string>()
  #isWritable = true

  private constructor({ file, title, say }: LockInit) {
    this.#file = file
    this.#title = title
    this.#say = say
  }

  /** @throws MeshError conflict while another process holds it for too long, naming it and what it does */
  static async take(init: LockInit): Promise<Lock> {
    const { file, waitMs, leftMs, say, signal } = init
    const lock = new Lock(init)
    const began = performance.now()
    let told: number | undefined
    await mkdir(dirname(file), { recursive: true })
    while (!(await lock.#create())) {
      const holder = holderOf(file)
      if (holder === undefined) {
        // It has gone, or another process removes it, for seconds if that was killed.
        await wait(goneMs, undefined, { signal })
        continue
      }
      const most = holder.deploys ? waitMs : leftMs
      if (performance.now() - began >= most) throw held(holder, file, most)
      if (holder.pid !== told) say(`waiting up to ${most / 1_000} s: ${described(holder)}`)
      told = holder.pid
      await wait(lookMs, undefined, { signal })
    }
    return lock
  }

  /** Names a command in the file while it runs. */
  readonly began = (pid: number, command: string): (() => void) => {
    this.#commands.set(pid, command)
    this.#update()
    return () => {
      this.#commands.delete(pid)
      this.#update()
    }
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true })
  }

  /** Whole from the start, for those that read it. @returns whether there was none */
  async #create(): Promise<boolean> {
    const whole = `${this.#file}.${randomUUID()}`
    this.#write(whole)
    try {
      await link(whole, this.#file)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    } finally {
      await rm(whole, { force: true })
    }
  }

  /** What is half done goes on where the file cannot be written, on a full disk say: to roll back takes commands, too. */
  #update(): void {
    try {
      this.#write(this.#file)
    } catch (error) {
      if (this.#isWritable) this.#say(`${this.#file} does not name the commands that run: ${String(error)}`)
      this.#isWritable = false
    }
  }

  /** At once: the process may be killed next. */
  #write(file: string): void {
    const all = [[process.pid, this.#title] as const, ...this.#commands]
    const lines = all.map(([pid, title]) => `${pid} ${title.replaceAll(/\s+/g, ' ')}\n`)
    writeFileSync(`${file}.part`, lines.join(''), { mode: 0o600 })
    renameSync(`${file}.part`, file)
  }
}

/** @returns undefined where none runs any more */
function holderOf(file: string): Holder | undefined {
  const text = readLock(file)
  if (text === undefined) return undefined
  const holders = text.split('\n').map((line, i): Holder => {
    const [, pid, title = ''] = /^(\d+) ?(.*)$/.exec(line) ?? []
    return { pid: Number(pid), title, deploys: i === 0 }
  })
  const holder = holders.find(({ pid }) => runs(pid))
  if (holder === undefined) removeLeft(file, text)
  return holder
}

const described = ({ pid, title, deploys }: Holder): string => {
  const what = title === '' ? '' : ` (${title})`
  return deploys
    ? `process ${pid} deploys this environment${what}`
    : `process ${pid}${what}, which a deployment that was killed left, runs`
}

const held = (holder: Holder, file: string, most: number): MeshError =>
  new MeshError(
    'conflict',
    `Cannot deploy: ${described(holder)}${most === 0 ? '' : `, after ${most / 1_000} s still`}`,
    {
      hint: `Wait until it has ended: --wait SECONDS does. If ${holder.pid} is something else, remove ${file}.`,
    },
  )

function runs(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

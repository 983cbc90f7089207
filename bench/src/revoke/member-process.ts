import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order, Plan, Report } from './members.ts'

/** A link that ended: whose, to whom, when (unix milliseconds). */
export interface Cut {
  by: string
  peerId: string
  at: number
}

/** A process of members, and the connection to it. */
export class MemberProcess {
  readonly members: { name: string; peerId: string }[] = []
  readonly #child: ChildProcess
  #answer: PromiseWithResolvers<unknown> = Promise.withResolvers()

  /** @param onCut called for each link of its members that a revocation ends */
  static async start(plan: Plan, onCut: (cut: Cut) => void): Promise<MemberProcess> {
    const process = new MemberProcess(plan, onCut)
    await process.#answer.promise
    return process
  }

  private constructor(plan: Plan, onCut: (cut: Cut) => void) {
    const script = fileURLToPath(new URL('members.ts', import.meta.url))
    this.#child = fork(script, [JSON.stringify(plan)], { stdio: ['ignore', 2, 2, 'ipc'] })
    this.#child.on('message', (report: Report) => {
      if (report.report === 'cut') return onCut(report)
      if (report.report === 'failed')
        return this.#answer.reject(new Error(`A member process failed: ${report.reason}`))
      if (report.report === 'ready') this.members.push(...report.members)
      this.#answer.resolve(report.report === 'done' ? report.result : undefined)
    })
    this.#child.on('exit', code => this.#answer.reject(new Error(`A member process ended with ${code}`)))
  }

  /** One order after the other. @throws Error when it takes longer than `ms` */
  async ask(order: Order, ms = 60_000): Promise<unknown> {
    this.#answer = Promise.withResolvers()
    const late = new Error(`Cannot go on: ${order.order} took over ${ms} ms`)
    const timer = setTimeout(() => this.#answer.reject(late), ms)
    this.#child.send(order)
    try {
      return await this.#answer.promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** At once: what it knows is worth nothing. */
  async stop(): Promise<void> {
    this.#answer.promise.catch(() => undefined)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}

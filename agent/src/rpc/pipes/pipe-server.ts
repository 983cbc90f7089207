/** The callee of pipes: asks whether the member may open it, by the policy and by the owner of the port, then opens it, and answers. */
import type { Duplex } from 'node:stream'
import {
  MeshError,
  type ErrorCode,
  pipeLimits,
  pipeRequestSchema,
  toMeshError,
  type PipeRequest,
  type Subject,
} from '@agent-mesh/protocol'
import { startTimer, timeoutSignal, type StartTimer } from '@agent-mesh/protocol/timers'
import { runWithinTrace } from '../../observe/passed-trace.ts'
import type { Tracing } from '../../observe/tracing.ts'
import { pipeDefaults } from './defaults.ts'
import { openPort, type ExposedPorts, type PipeHandler } from './exposed-ports.ts'
import { readMessage, writeMessage } from './handshake.ts'
import { traceOf } from './pipe-trace.ts'

export interface PipeServerInit {
  ports: ExposedPorts
  /** Asks the policy, then the owner of the port, whose list is `allow`. @throws MeshError permission_denied */
  authorize: (question: PortQuestion) => void
  /** What tickets of this member are for. @throws MeshError not_found */
  take: (request: PipeRequest, caller: Subject) => PipeHandler | Promise<PipeHandler>
  /** Spans of pipes to ports. @default none */
  tracing?: Pick<Tracing, 'accept'> | undefined
  /** Of the clock that limits are measured by. @default that of the process */
  startTimer?: StartTimer | undefined
}

interface PortQuestion {
  readonly from: Subject
  readonly action: 'connect'
  readonly to: string
  readonly app: string | undefined
  readonly allow: readonly string[] | undefined
}

export class PipeServer {
  readonly #init: PipeServerInit
  readonly #startTimer: StartTimer
  readonly #open = new Set<Duplex>()
  readonly #ofLink = new WeakMap<object, number>()
  #idle: PromiseWithResolvers<void> | undefined
  #leaving = false

  constructor(init: PipeServerInit) {
    this.#init = init
    this.#startTimer = init.startTimer ?? startTimer
  }

  /** Pipes that are open here. */
  get size(): number {
    return this.#open.size
  }

  /** Handles a pipe that a peer opened. @param link what it runs over: pipes of each are bounded */
  readonly serve = (pipe: Duplex, caller: Subject, link: object): void => {
    const ofLink = (this.#ofLink.get(link) ?? 0) + 1
    this.#ofLink.set(link, ofLink)
    this.#open.add(pipe)
    // Without a listener the failure of a pipe would end the process.
    pipe.on('error', () => {})
    pipe.once('close', () => {
      this.#open.delete(pipe)
      this.#ofLink.set(link, (this.#ofLink.get(link) ?? 1) - 1)
      if (this.#open.size === 0) this.#idle?.resolve()
    })
    const full = ofLink > pipeLimits.perLink || this.#open.size > pipeLimits.perProcess
    this.#opened(pipe, caller, full).then(
      take => this.#accept(pipe, () => take(pipe, caller)),
      (error: unknown) => refuse(pipe, error, this.#startTimer),
    )
  }

  /** Reads what is asked for, and opens it. @throws MeshError why not */
  async #opened(pipe: Duplex, caller: Subject, full: boolean): Promise<PipeHandler> {
    const signal = timeoutSignal(pipeDefaults.requestMs, this.#startTimer)
    const { messageBytes: maxBytes } = pipeLimits
    const request = await readMessage(pipe, { schema: pipeRequestSchema, maxBytes, signal })
    const { to } = request
    const [kind, name = ''] = to.split(':', 2)
    const refuseAs = (code: ErrorCode, reason: string) => {
      const action = kind === 'port' ? `connect to port ${name}` : `open the pipe for a ${kind}`
      throw new MeshError(code, `Cannot ${action}: ${reason}`, { notStarted: true })
    }
    // A body belongs to a call that this member still finishes.
    if (this.#leaving && kind !== 'body') refuseAs('going_away', 'this member stops')
    if (full) refuseAs('overloaded', 'too many pipes are open here')
    if (kind !== 'port') return this.#init.take(request, caller)
    const { authorize, ports } = this.#init
    // Only members that are allowed learn whether it is there.
    authorize({ from: caller, action: 'connect', to, app: request.app, allow: ports.listOf(name) })
    return this.#port(name, request, caller)
  }

  /** Opens a port. What the policy allows is traced, until its handler has returned. */
  async #port(name: string, request: PipeRequest, caller: Subject): Promise<PipeHandler> {
    const { ports, tracing } = this.#init
    const fields = traceOf(request)
    const span = tracing?.accept(name, fields, caller.sub)
    const opened = async () => openPort(ports.named(name))
    if (span === undefined) {
      const take = await opened()
      return (pipe, from) => runWithinTrace(fields, () => take(pipe, from))
    }
    const failed = (error: unknown): never => {
      span.end(toMeshError(error, 'internal', 'take the pipe').code)
      throw error
    }
    const take = await opened().catch(failed)
    return async pipe => {
      await span.run(async () => take(pipe, caller)).catch(failed)
      span.end('ok')
    }
  }

  /** From the answer on, the bytes are the port's: a failure can only be a reset. */
  async #accept(pipe: Duplex, take: () => ReturnType<PipeHandler>): Promise<void> {
    try {
      if (!pipe.destroyed) writeMessage(pipe, { ok: true })
      // A pipe that has closed meanwhile is passed on, too, so that what was opened for it closes.
      await take()
    } catch (error) {
      pipe.destroy(toMeshError(error, 'internal', 'take the pipe'))
    }
  }

  /** Takes no new pipes, and resolves when none is open; after `ms` what is left is reset. */
  async drain(ms: number): Promise<void> {
    this.#leaving = true
    if (this.#open.size === 0) return
    this.#idle = Promise.withResolvers()
    const timer = this.#startTimer(ms, () => this.close())
    await this.#idle.promise
    timer.cancel()
  }

  /** Resets all. */
  close(): void {
    this.#leaving = true
    const reason = new MeshError('going_away', 'Cannot continue the pipe: this member stops')
    for (const pipe of this.#open) pipe.destroy(reason)
  }
}

/** Says why, then ends: the peer reads the answer, and has a moment to end its side. */
function refuse(pipe: Duplex, thrown: unknown, start: StartTimer): void {
  const { code, message, hint } = toMeshError(thrown, 'internal', 'open the pipe')
  const cut = (text: string) => text.slice(0, pipeLimits.textChars)
  writeMessage(pipe, {
    error: { code, message: cut(message), ...(hint === undefined ? {} : { hint: cut(hint) }) },
  })
  pipe.resume().end()
  const timer = start(pipeDefaults.refusedMs, () => pipe.destroy())
  pipe.once('close', () => timer.cancel())
}

/** Pipes of an agent to ports of other members. */
import type { Duplex } from 'node:stream'
import {
  MeshError,
  parse,
  pipeProtocol,
  portNameField,
  toMeshError,
  transferOfferSchema,
  type TransferOffer,
} from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { startTimer, timeoutSignal, type StartTimer } from '@agent-mesh/protocol/timers'
import { checkAbortable } from '../core/check-abortable.ts'
import { namesOf } from '../core/option-names.ts'
import type { Tracing } from '../observe/tracing.ts'
import { checkReceiveOptions, systemWheelClock, Transfer, type ReceiveOptions } from '../rpc/index.ts'
import { transferDefaults } from '../rpc/transfers/defaults.ts'
import { pipeTrace } from '../rpc/pipes/pipe-trace.ts'
import { openPipe } from '../rpc/pipes/open-pipe.ts'
import { currentTrace } from '../services/contract/current-call.ts'
import type { PipeMember, ServedPipes } from './served-pipes.ts'

export interface PipeOptions {
  /** ms until the port has answered. @default 30,000 */
  timeout?: number
  signal?: AbortSignal
  /** Program of this machine that asks through the agent: the other member has it in its audit log. */
  app?: string | undefined
}

const pipeNames = namesOf<PipeOptions>({ timeout: true, signal: true, app: true })

/** The members that pipes go to. */
export interface PipeTargets {
  /** The peer id of a member. */
  find(nameOrPeerId: string): string | undefined
  /** @throws MeshError when there is no path to it */
  link(
    peerId: string,
    options: { deadline: number; signal: AbortSignal },
  ): Promise<{ openDuplex(protocol: string, options: { signal: AbortSignal }): Promise<Duplex> }>
}

export interface PipesInit {
  member: Pick<PipeMember, 'identity'>
  targets: PipeTargets
  served: Pick<ServedPipes, 'toItself'>
  tracing?: Pick<Tracing, 'connect'> | undefined
  /** Of the clock that limits are measured by. @default that of the process */
  startTimer?: StartTimer
  /** Monotonic ms of that clock. */
  now?: () => number
}

export class Pipes {
  readonly #init: PipesInit
  readonly #startTimer: StartTimer
  readonly #now: () => number

  constructor(init: PipesInit) {
    this.#init = init
    this.#startTimer = init.startTimer ?? startTimer
    this.#now = init.now ?? (() => systemWheelClock.now())
  }

  /** @throws MeshError not_found, invalid_argument; as {@link Targets.link} and {@link openPipe} */
  async connect(peer: string, port: string, options: PipeOptions): Promise<Duplex> {
    const what = `port ${port} of ${peer}`
    checkAbortable(options, pipeNames, 'connect to', what)
    const { timeout = 30_000, signal, app } = options
    const action = `connect to ${what}`
    parse(portNameField, port, action)
    const peerId = this.find(peer, action)
    const ms = checkDuration(timeout, action)
    const late = timeoutSignal(ms, this.#startTimer)
    const limit = AbortSignal.any(signal === undefined ? [late] : [late, signal])
    const deadline = this.#now() + ms
    const span = this.#init.tracing?.connect(port)
    const asked = { to: `port:${port}`, ...(app !== undefined && { app }) }
    const request = { ...asked, ...pipeTrace(span?.fields ?? currentTrace() ?? {}) }
    try {
      const stream = await this.open(peerId, { deadline, signal: limit })
      const pipe = await openPipe(stream, { request, action, signal: limit })
      span?.end('ok', { peerId })
      return pipe
    } catch (thrown) {
      // Any value may be the reason of a caller's signal.
      const failed = limit.aborted
        ? toMeshError(limit.reason, 'cancelled', action)
        : toMeshError(thrown, 'unavailable', action)
      // The dial has the same deadline, and may be the first that it ends.
      const isLate = limit.aborted ? limit.reason === late.reason : isOwnDeadline(failed)
      const error = isLate
        ? new MeshError('deadline_exceeded', `Cannot ${action}: no answer in ${ms} ms`, { cause: thrown })
        : explained(failed, action)
      span?.end(error.code, { peerId, message: error.message })
      throw error
    }
  }

  /** The peer id of a member. @throws MeshError not_found */
  find(peer: string, action: string): string {
    const peerId = this.#init.targets.find(peer)
    if (peerId !== undefined) return peerId
    throw new MeshError('not_found', `Cannot ${action}: no member has this name or peer id`, {
      hint: 'List the members with "agent-mesh peers".',
    })
  }

  /** @throws MeshError invalid_argument for what is no offer, and for options that are none */
  receive(given: TransferOffer, options: ReceiveOptions): Transfer {
    const offer = parse(transferOfferSchema, given, 'receive')
    checkReceiveOptions(options)
    const open = ({ signal }: { signal: AbortSignal }) =>
      this.open(offer.from, { deadline: this.#now() + transferDefaults.openMs, signal })
    return new Transfer(offer, open, { ...options, startTimer: this.#startTimer, now: this.#now })
  }

  /** A fresh stream for a pipe to a member, over its best link. @throws MeshError as {@link Targets.link} */
  async open(peerId: string, options: { deadline: number; signal: AbortSignal }): Promise<Duplex> {
    const { member, targets, served } = this.#init
    if (peerId === member.identity.peerId) return served.toItself()
    return (await targets.link(peerId, options)).openDuplex(pipeProtocol, options)
  }
}

const isOwnDeadline = ({ code, told }: MeshError): boolean => code === 'deadline_exceeded' && !told

/** Members of the first versions have no pipes. */
function explained(error: MeshError, action: string): MeshError {
  if (error.code !== 'unsupported') return error
  return new MeshError('unsupported', `Cannot ${action}: its version of Agent Mesh has no pipes`, {
    cause: error,
    notStarted: true,
    hint: 'Upgrade that member.',
  })
}

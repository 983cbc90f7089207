/** Options of what is sent and received beside calls, as programs without types pass them, too. */
import { checkDuration } from '@agent-mesh/protocol/duration'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { checkAbortable } from '../../core/check-abortable.ts'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { checkOptions, namesOf } from '../../core/option-names.ts'

export interface SendOptions {
  /** For people, without folders. @default the name of the file */
  name?: string
  /** ms without a reader after which the offer is withdrawn. @default 600,000 */
  idleMs?: number
}

export interface ReceiveOptions {
  /** ms without progress, over all links, after which it gives up. @default 60,000 */
  patienceMs?: number
  signal?: AbortSignal
  /** Called with the bytes of each block that has arrived, for progress. */
  onBytes?: (bytes: number) => void
}

const sendNames = namesOf<SendOptions>({ name: true, idleMs: true })
const receiveNames = namesOf<ReceiveOptions>({ patienceMs: true, signal: true, onBytes: true })

/** @throws MeshError invalid_argument */
export function checkSendOptions(options: SendOptions): void {
  checkOptions(options, sendNames, 'send')
  const { name, idleMs }: Partial<Record<keyof SendOptions, unknown>> = options
  if (name !== undefined && typeof name !== 'string')
    throw invalidArgument('send', `its name is ${shownValue(name)}`, 'Give a text, or none.')
  if (idleMs !== undefined) checkDuration(idleMs, 'send', 'idleMs')
}

/** @throws MeshError invalid_argument */
export function checkReceiveOptions(options: ReceiveOptions): void {
  checkAbortable(options, receiveNames, 'receive', 'what is offered')
  const { patienceMs, onBytes }: Partial<Record<keyof ReceiveOptions, unknown>> = options
  if (patienceMs !== undefined) checkDuration(patienceMs, 'receive', 'patienceMs')
  if (onBytes === undefined || typeof onBytes === 'function') return
  throw invalidArgument(
    'receive',
    `onBytes is ${shownValue(onBytes)}`,
    'Give a function of a number of bytes.',
  )
}

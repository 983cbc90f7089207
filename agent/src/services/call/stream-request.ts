import { MeshError } from '@agent-mesh/protocol'
import { Encoded } from '@agent-mesh/protocol/wire/index'
import type { LinkCallOptions, LinkStream, LinkStreamOptions } from '../../rpc/index.ts'
import type { Callee, CallTargets } from '../balance/call-targets.ts'

/** What a stream needs of its link beyond what a call does. */
export type StreamNeeds = Pick<LinkStreamOptions, 'endsAt' | 'input' | 'encode' | 'read' | 'window'>

/** The params of a call that opens a stream: the tries of a call hand them on without a look inside. */
export class StreamRequest extends Encoded {
  readonly #needs: StreamNeeds

  constructor({ json, tail }: Encoded, needs: StreamNeeds) {
    super(json, tail)
    this.#needs = needs
  }

  /** @returns the stream when its handler has begun */
  open(callee: Callee, method: string, options: LinkCallOptions = {}): Promise<LinkStream> {
    const { timeoutMs, dueAt, signal, fields } = options
    if (callee.stream === undefined) return Promise.reject(noStreams(method))
    const opening = callee.stream(method, this, { timeoutMs, dueAt, signal, fields, ...this.#needs })
    return opening.catch((error: unknown) =>
      Promise.reject(ofOlderVersion(error) ? noStreams(method, error) : error),
    )
  }
}

/** Members of the first versions refuse the flag of a stream in these words. */
const ofOlderVersion = (error: unknown): error is MeshError =>
  error instanceof MeshError &&
  error.code === 'unsupported' &&
  /: flags 0x\w+ need a later version$/.test(error.message)

/** Members on which a call opens a stream: what is tried, and tried again, is the opening. */
export const openingStreams = (targets: Pick<CallTargets, 'callee'>): Pick<CallTargets, 'callee'> => ({
  callee: (peerId, options) => {
    const callee = targets.callee(peerId, options)
    return callee instanceof Promise ? callee.then(opening) : opening(callee)
  },
})

const noStreams = (method: string, cause?: MeshError): MeshError =>
  new MeshError('unsupported', `Cannot stream ${method}: the version of its callee has no streams`, {
    ...{ cause, notStarted: true, hint: 'Upgrade that member.' },
  })

const opening = (callee: Callee): Callee => ({
  ...(callee.path !== undefined && { path: callee.path }),
  call: (method, params, options) => (params as StreamRequest).open(callee, method, options),
})

/**
 * Every error that leaves a room of Agent Mesh is a {@link MeshError} with a code of this closed set. The code
 * crosses the wire and the HTTP API (RFC 9457 `type`); the message names the action and the value; the `cause`
 * stays in the process.
 */
export const errorCodes = {
  invalid_argument: { status: 400, retry: false, about: 'the input does not fit its schema' },
  unauthenticated: { status: 401, retry: false, about: 'no valid proof of identity' },
  clock_skew: { status: 401, retry: true, about: 'the request time is more than 60 s from the server time' },
  permission_denied: { status: 403, retry: false, about: 'no grant of the policy allows it' },
  revoked: { status: 403, retry: false, about: 'the member was revoked' },
  token_invalid: {
    status: 403,
    retry: false,
    about: 'the join token is unknown, expired, revoked or used up',
  },
  not_found: { status: 404, retry: false, about: 'there is no such thing' },
  conflict: { status: 409, retry: false, about: 'the stored state is newer than the write assumes' },
  map_gap: {
    status: 410,
    retry: false,
    about: 'the map cursor is too old or foreign: start anew without one',
  },
  too_large: { status: 413, retry: false, about: 'the input is over its size limit' },
  rate_limited: { status: 429, retry: true, about: 'too many requests from this source' },
  mesh_full: { status: 409, retry: false, about: 'the mesh has as many members as its setting allows' },
  too_many_links: { status: 503, retry: true, about: 'all links of this agent have work in flight' },
  overloaded: { status: 503, retry: true, about: 'the callee sheds load' },
  unavailable: { status: 503, retry: true, about: 'nobody who could answer is reachable' },
  path_lost: { status: 503, retry: false, about: 'the link broke after the call was written' },
  going_away: { status: 503, retry: true, about: 'the peer is shutting down and did not start the call' },
  deadline_exceeded: { status: 504, retry: false, about: 'the time of the call ran out' },
  cancelled: { status: 499, retry: false, about: 'the caller gave up' },
  protocol_error: { status: 400, retry: false, about: 'the peer sent what the protocol does not allow' },
  unsupported: { status: 501, retry: false, about: 'the peer does not know this method, version or feature' },
  application: { status: 500, retry: false, about: 'the service says so: an error of its own' },
  internal: {
    status: 500,
    retry: false,
    about: 'a handler, or Agent Mesh itself, failed: the log of that process has the reason',
  },
} as const satisfies Record<string, { status: number; retry: boolean; about: string }>

export type ErrorCode = keyof typeof errorCodes

export interface MeshErrorOptions {
  /** What went wrong underneath; never leaves the process. */
  cause?: unknown
  /** What the reader can do next, one sentence. */
  hint?: string
  /** Machine-readable extras that may cross the wire: small, no secrets. */
  details?: Record<string, unknown>
  /** Of `application`: the name under which the contract of the method declares it. */
  declared?: string
  /** It came from another process. @default false */
  told?: boolean
  /** The handler of the call was not started. @default false */
  notStarted?: boolean
}

/** The one error class. `message` reads "Cannot <action>: <reason with value>". */
export class MeshError extends Error {
  override readonly name = 'MeshError'
  readonly code: ErrorCode
  // Set on an error that has them, else undefined on the prototype: `console.log` does not show what is absent.
  declare readonly hint: string | undefined
  declare readonly details: Record<string, unknown> | undefined
  /** Of `application`: the name under which the contract of the method declares it; undefined for all other errors. */
  declare readonly declared: string | undefined
  readonly #told: boolean
  readonly #notStarted: boolean

  static {
    Object.assign(this.prototype, { hint: undefined, details: undefined, declared: undefined })
  }

  constructor(code: ErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    if (options.hint !== undefined) this.hint = options.hint
    if (options.details !== undefined) this.details = options.details
    if (options.declared !== undefined) this.declared = options.declared
    this.#told = options.told ?? false
    this.#notStarted = options.notStarted ?? false
  }

  /** Whether it came from another process: then the stack shows only where it was received, and logs leave it out. */
  get told(): boolean {
    return this.#told
  }

  /**
   * Whether the handler of the call is known not to have started: the call was never written, or the callee refused it before.
   * Only then may a call that is not idempotent be repeated. Never true of what a handler throws.
   */
  get notStarted(): boolean {
    return this.#notStarted
  }

  /** Whether the same request may be tried again, perhaps elsewhere. */
  get retriable(): boolean {
    return errorCodes[this.code].retry
  }

  /** HTTP status of the code. */
  get status(): number {
    return errorCodes[this.code].status
  }
}

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorCodes, code)

/** The same error, known to be from before or after the start of the handler of the call. */
export function asStarted(error: MeshError, started: boolean): MeshError {
  if (error.notStarted === !started) return error
  const { code, message, cause, hint, details, declared, told } = error
  return new MeshError(code, message, {
    told,
    notStarted: !started,
    ...(declared === undefined ? {} : { declared }),
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  })
}

/**
 * What the caller of a handler receives of what it threw: a MeshError as it is, with its code, everything else as `internal` without
 * its text, which may name files, hosts and queries. An AbortError or TimeoutError of its own work says nothing about the time of the
 * call.
 * @param failure the id under which the log of this process has what was thrown
 */
export function handlerError(thrown: unknown, method: string, failure?: string): MeshError {
  if (thrown instanceof MeshError) return asStarted(thrown, true)
  const message = `Cannot call ${method}: its handler failed`
  if (failure === undefined) return new MeshError('internal', message, { cause: thrown })
  return new MeshError('internal', `${message}, failure ${failure}`, {
    cause: thrown,
    details: { failure },
    hint: 'The log of the member that was called has the reason under this id.',
  })
}

/** What was thrown, in words: an object without a prototype, say, cannot be turned into a string. */
function textOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null || !('message' in error)) return String(error)
    const { message } = error
    return typeof message === 'string' || error instanceof Error ? String(message) : String(error)
  } catch {
    return 'it threw no error'
  }
}

/**
 * Turns anything thrown into a MeshError: itself, an abort into `cancelled`, a timeout into `deadline_exceeded`,
 * anything else into `code` with the original as cause.
 */
export function toMeshError(error: unknown, code: ErrorCode, action: string): MeshError {
  if (error instanceof MeshError) return error
  const name = error instanceof Error ? error.name : ''
  const reason = textOf(error)
  if (name === 'AbortError')
    return new MeshError('cancelled', `Cannot ${action}: cancelled`, { cause: error })
  if (name === 'TimeoutError')
    return new MeshError('deadline_exceeded', `Cannot ${action}: ${reason}`, { cause: error })
  return new MeshError(code, `Cannot ${action}: ${reason}`, { cause: error })
}

/** The reason of what was thrown, for the message of another error: of "Cannot <action>: <reason>" without what could not be done. */
export const reasonOf = (thrown: unknown): string =>
  toMeshError(thrown, 'internal', 'do it').message.replace(/^Cannot .*?: /s, '')

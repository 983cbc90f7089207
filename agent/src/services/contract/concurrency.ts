import { MeshError } from '@agent-mesh/protocol'

/**
 * How many calls of a method may run at once: a number; `auto`, found out by watching them; `unlimited`, for handlers that are meant
 * to wait, as those of long polling.
 */
export type Concurrency = number | 'auto' | 'unlimited'

/** How a service is served. */
export interface ServeOptions {
  /** Of each method, or of those named. @default 'auto' */
  readonly concurrency?: Concurrency | Readonly<Record<string, Concurrency>>
  /** What the policy knows a method by, like `tool:fs.read_file`. @default `service:NAME.METHOD` */
  readonly target?: (method: string) => string
}

const most = 1_000_000

/**
 * The concurrency of one method.
 * @throws MeshError `invalid_argument` for what is none
 */
export function concurrencyOf({ concurrency = 'auto' }: ServeOptions, method: string): Concurrency {
  const one = typeof concurrency === 'object' ? (concurrency[method] ?? 'auto') : concurrency
  if (one === 'auto' || one === 'unlimited') return one
  if (Number.isInteger(one) && one >= 1 && one <= most) return one
  throw new MeshError('invalid_argument', `Cannot serve ${method}: its concurrency is ${String(one)}`, {
    hint: `Give a whole number from 1 to ${most}, 'auto' or 'unlimited'.`,
  })
}

/** @throws MeshError `invalid_argument` for a name that is no method of the service */
export function checkConcurrency({ concurrency }: ServeOptions, service: string, methods: object): void {
  if (typeof concurrency !== 'object') return
  for (const method of Object.keys(concurrency))
    if (!Object.hasOwn(methods, method))
      throw new MeshError(
        'invalid_argument',
        `Cannot serve ${service}: it has no method '${method}' to limit`,
      )
}

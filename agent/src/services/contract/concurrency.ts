import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { checkAllow } from '../../core/check-allow.ts'
import { checkOptions, namesOf } from '../../core/option-names.ts'

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
  /** Members for whom this machine's owner opens it, as selectors of the policy (`tag:ops`); the policy must allow them, too. @default all */
  readonly allow?: readonly string[]
}

const most = 1_000_000
const serveNames = namesOf<ServeOptions>({ concurrency: true, target: true, allow: true })

/**
 * The concurrency of one method.
 * @throws MeshError `invalid_argument` for what is none
 */
export function concurrencyOf({ concurrency = 'auto' }: ServeOptions, method: string): Concurrency {
  const one: unknown = isByName(concurrency) ? (concurrency[method] ?? 'auto') : concurrency
  if (one === 'auto' || one === 'unlimited') return one
  if (typeof one === 'number' && Number.isInteger(one) && one >= 1 && one <= most) return one
  throw invalidArgument(
    `serve ${method}`,
    `its concurrency is ${shownValue(one)}`,
    `Give a whole number from 1 to ${most}, 'auto' or 'unlimited'.`,
  )
}

/** Whether it names methods. */
const isByName = (concurrency: unknown): concurrency is Readonly<Record<string, unknown>> =>
  typeof concurrency === 'object' && concurrency !== null

/**
 * @param options as a program without types may pass them
 * @throws MeshError `invalid_argument` for an option that there is not, and a name that is no method of the service
 */
export function checkServeOptions(options: unknown, service: string, methods: object): void {
  const action = `serve ${service}`
  checkOptions(options, serveNames, action)
  const given = (options ?? {}) as ServeOptions
  const { concurrency, target, allow } = given as Partial<Record<keyof ServeOptions, unknown>>
  if (target !== undefined && typeof target !== 'function')
    throw invalidArgument(action, `target is ${shownValue(target)}, no function`)
  checkAllow(allow, action)
  for (const method of isByName(concurrency) ? Object.keys(concurrency) : [])
    if (!Object.hasOwn(methods, method))
      throw invalidArgument(action, `it has no method '${method}' to limit`)
  for (const method of Object.keys(methods)) concurrencyOf(given, method)
}

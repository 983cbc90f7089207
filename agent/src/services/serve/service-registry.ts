import { largeBodyBytes, limits, MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../../core/listeners.ts'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { CallContext } from '../contract/call-context.ts'
import { encoderOf, type Encode } from '../contract/coded.ts'
import { concurrencyOf, type Concurrency, type ServeOptions } from '../contract/concurrency.ts'
import { serviceRef, type MethodContracts, type ServiceContract } from '../contract/contract.ts'
import { checkDefinition } from '../contract/definition.ts'
import { streamSchemas, type StreamSchemas } from './serve-stream.ts'
import type { ErrorContracts } from '../contract/error-contracts.ts'
import type { Handlers } from '../contract/typed.ts'

/** A method that is served, with everything that its calls need, computed once. */
export interface ServedMethod {
  /** `math.add` */
  readonly method: string
  /** `service:math.add`, as policy names it. */
  readonly target: string
  /** Selectors of the members for whom the owner of this machine opens it, beside the policy. @default all */
  readonly allow: readonly string[] | undefined
  readonly params: StandardSchemaV1
  /** Of a result with a codec. */
  readonly encode: Encode | undefined
  /** Of a method that streams. */
  readonly stream: StreamSchemas | undefined
  /** That its contract declares. */
  readonly errors: ErrorContracts | undefined
  readonly handle: (params: unknown, context: CallContext) => unknown
  /** Bytes that its params may have. */
  readonly largest: number
  /** Calls of it that may run at once. */
  readonly concurrency: Concurrency
}

interface Served {
  readonly contract: ServiceContract
  readonly methods: Map<string, ServedMethod>
}

/** What this agent serves. */
export class ServiceRegistry {
  readonly #served = new Map<string, Served>()
  readonly #byName = new Map<string, ServedMethod>()
  /** `math@2` and `math`. */
  readonly #names = new Set<string>()
  readonly #changed: Listeners<void>

  /** @param onError a listener failed. @default ignored */
  constructor(onError: (error: unknown) => void = () => {}) {
    this.#changed = new Listeners(onError)
  }

  /** Called when what is served has changed. @returns how to stop listening */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  /**
   * Serves a contract from now on; the result ends that.
   * @throws MeshError `invalid_argument` for what is no contract or has no handlers, `conflict` when this version is served already, `overloaded` when the record has no room for one more
   */
  serve<Name extends string, Methods extends MethodContracts>(
    contract: ServiceContract<Name, Methods>,
    handlers: Handlers<Methods>,
    options: ServeOptions = {},
  ): () => void {
    checkDefinition({ contract, handlers, options })
    const ref = serviceRef(contract)
    if (this.#served.has(ref)) throw new MeshError('conflict', `Cannot serve ${ref}: it is served already`)
    if (this.#served.size >= limits.services)
      throw new MeshError(
        'overloaded',
        `Cannot serve ${ref}: ${limits.services} services are served already`,
        {
          hint: 'Give one service more methods, or serve some from another agent.',
        },
      )
    const served: Served = { contract, methods: methodsOf(contract, handlers, options) }
    this.#served.set(ref, served)
    this.#sort()
    return () => {
      if (this.#served.get(ref) !== served) return
      this.#served.delete(ref)
      this.#sort()
    }
  }

  /** `['math@2', ...]`, sorted. */
  get refs(): string[] {
    return [...this.#served.keys()].sort()
  }

  /** Of a service by its name: `[1, 2]`. */
  versions(name: string): number[] {
    return this.contracts.filter(contract => contract.name === name).map(({ version }) => version)
  }

  /** `['math.add', ...]`, of all versions. */
  get methods(): string[] {
    return [...new Set([...this.#byName.values()].map(({ method }) => method))]
  }

  /** Whether this is served now; not another one of its name. */
  has(method: ServedMethod): boolean {
    return this.refOf(method) !== undefined
  }

  /** `math@2` of a method that is served now. */
  refOf(method: ServedMethod): string | undefined {
    for (const [ref, { methods }] of this.#served)
      for (const each of methods.values()) if (each === method) return ref
    return undefined
  }

  /** Whether it serves `math@2`, or any version of `math`. */
  serves(service: string): boolean {
    return this.#names.has(service)
  }

  get contracts(): ServiceContract[] {
    return [...this.#served.values()].map(({ contract }) => contract)
  }

  /** `math@2.add`, or `math.add` of the newest version. */
  find(name: string): ServedMethod | undefined {
    return this.#byName.get(name)
  }

  #sort(): void {
    this.#byName.clear()
    this.#names.clear()
    const oldestFirst = [...this.#served.values()].sort((a, b) => a.contract.version - b.contract.version)
    for (const { contract, methods } of oldestFirst) {
      this.#names.add(contract.name).add(serviceRef(contract))
      for (const [name, method] of methods) {
        this.#byName.set(`${serviceRef(contract)}.${name}`, method)
        this.#byName.set(method.method, method)
      }
    }
    this.#changed.emit()
  }
}

function methodsOf<Methods extends MethodContracts>(
  { name, methods }: ServiceContract<string, Methods>,
  handlers: Handlers<Methods>,
  options: ServeOptions,
): Map<string, ServedMethod> {
  const served = Object.entries(methods).map(([key, contract]): [string, ServedMethod] => {
    const { params, result, errors, largest = largeBodyBytes } = contract
    const stream = streamSchemas(contract)
    const handler = handlers[key] as ServedMethod['handle']
    const method = `${name}.${key}`
    const handle = handler.bind(handlers)
    const asked = concurrencyOf(options, key)
    // How long a stream takes says nothing about the load: those of a link are bounded by their number and bytes.
    const concurrency = stream !== undefined && asked === 'auto' ? 'unlimited' : asked
    const encode = encoderOf(result)
    const target = options.target?.(key) ?? `service:${method}`
    const { allow } = options
    return [key, { method, target, allow, params, encode, stream, errors, largest, handle, concurrency }]
  })
  return new Map(served)
}

import type { ServiceDefinition } from '@agent-mesh/agent'

import { loadServices, type LoadServices } from './service-modules.ts'

/** Serves a service; the result ends that. */
export type Serve = (definition: ServiceDefinition) => () => void

/** The services of the modules of `--serve`, which may be others after a reload. */
export class ServedModules {
  readonly #serve: Serve
  readonly #load: LoadServices
  #served: readonly ServiceDefinition[] = []
  #ends: (() => void)[] = []

  constructor(serve: Serve, load: LoadServices = loadServices) {
    this.#serve = serve
    this.#load = load
  }

  /** Ends what was served and serves these. @throws MeshError when one of them cannot be served; then the services of before stay */
  serve(services: readonly ServiceDefinition[]): void {
    const before = this.#served
    this.#end()
    try {
      this.#begin(services)
    } catch (error) {
      this.#end()
      this.#begin(before)
      throw error
    }
  }

  /** Loads modules again that changed on the disk. @throws MeshError as {@link loadServices} and `serve`; then nothing changes */
  async reload(files: readonly string[]): Promise<void> {
    const services = await this.#load(files)
    const isSame =
      services.length === this.#served.length && services.every((each, i) => each === this.#served[i])
    if (!isSame) this.serve(services)
  }

  #begin(services: readonly ServiceDefinition[]): void {
    this.#served = services
    for (const definition of services) this.#ends.push(this.#serve(definition))
  }

  #end(): void {
    for (const end of this.#ends) end()
    this.#ends = []
  }
}

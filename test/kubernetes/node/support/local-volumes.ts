/** A folder of a node for each claim of a volume, as the provisioner of a cluster would make it. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ApiFailure, type ApiServer, type Json } from '../../cluster/support/api-server.ts'
import { volumeFor } from '../../cluster/support/volume-for.ts'
import { nodeName } from './kubelet-process.ts'

const lookMs = 500

export class LocalVolumes {
  readonly #api: ApiServer
  readonly #folder: string
  readonly #stopped = new AbortController()
  readonly #given = new Set<string>()
  readonly #loop: Promise<void>

  constructor(api: ApiServer, folder: string) {
    this.#api = api
    this.#folder = folder
    this.#loop = this.#run()
  }

  async end(): Promise<void> {
    this.#stopped.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await this.#look().catch(say)
      await wait(lookMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #look(): Promise<void> {
    const { items } = await this.#api.ask('GET', '/api/v1/persistentvolumeclaims')
    for (const claim of items as Json[])
      if (!this.#given.has(claim.metadata.uid)) await this.#give(claim).catch(say)
  }

  async #give(claim: Json): Promise<void> {
    const { uid } = claim.metadata
    const path = join(this.#folder, uid)
    await mkdir(path, { recursive: true })
    const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } }
    const volume = volumeFor(claim, { local: { path }, nodeAffinity })
    await this.#api.ask('POST', '/api/v1/persistentvolumes', volume).catch(unlessThere)
    this.#given.add(uid)
  }
}

const say = (error: unknown): void => console.log('no volume yet:', error)

/** The answer to the question before may have been lost. */
function unlessThere(error: unknown): void {
  if (!(error instanceof ApiFailure) || error.status !== 409) throw error
}

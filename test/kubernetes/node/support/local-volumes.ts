/** A folder of a node for each claim of a volume, as the provisioner of a cluster would make it. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ApiServer, Json } from '../../cluster/support/api-server.ts'
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
      await this.#look().catch((error: unknown) => console.log('no volume yet:', error))
      await wait(lookMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #look(): Promise<void> {
    const { items } = await this.#api.ask('GET', '/api/v1/persistentvolumeclaims')
    for (const claim of items as Json[]) {
      if (this.#given.has(claim.metadata.uid)) continue
      await this.#give(claim)
      this.#given.add(claim.metadata.uid)
    }
  }

  async #give({ metadata, spec }: Json): Promise<void> {
    const path = join(this.#folder, metadata.uid)
    await mkdir(path, { recursive: true })
    const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }
    await this.#api.ask('POST', '/api/v1/persistentvolumes', {
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `of-${metadata.uid}` } },
      spec: {
        ...{ capacity: spec.resources.requests, accessModes: spec.accessModes, local: { path } },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
        claimRef: { namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
      },
    })
  }
}

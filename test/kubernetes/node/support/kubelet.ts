/** A kubelet in a room, without a cluster: it runs the pods of a folder. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Json } from '../../cluster/support/api-server.ts'
import { Programs } from '../../cluster/support/programs.ts'
import { nodeName, startKubelet, type KubeletInit } from './kubelet-process.ts'
import { removeGroups } from './leftovers.ts'
import { PodNames, type Find } from './pod-names.ts'

const port = 10_255
/** The kubelet says what pods it has within this, ms. */
const askMs = 30_000

export interface AloneInit extends KubeletInit {
  /** What the names that pods look up have. */
  find: Find
}

export class Kubelet {
  readonly #init: AloneInit
  readonly #programs: Programs
  #names: PodNames | undefined
  #runtime = ''

  constructor(init: AloneInit) {
    this.#init = init
    this.#programs = new Programs(join(init.folder, 'log'))
  }

  async start(): Promise<void> {
    const { room, find } = this.#init
    await mkdir(this.#pods, { recursive: true })
    this.#names = await PodNames.start(room.outside, find)
    const settings = { staticPodPath: this.#pods, readOnlyPort: port }
    this.#runtime = await startKubelet(this.#init, this.#programs, settings)
    await vi
      .waitFor(() => this.pods(), { timeout: 120_000, interval: 500 })
      .catch(async (cause: unknown) => {
        throw new Error(`the kubelet does not answer: ${await this.#programs.said()}`, { cause })
      })
  }

  /** Runs a pod, or lets it take the place of the one with its name. */
  async put(pod: { metadata: { name: string } }): Promise<void> {
    const file = join(this.#init.folder, 'put.json')
    await writeFile(file, JSON.stringify(pod))
    await rename(file, join(this.#pods, `${pod.metadata.name}.json`))
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#pods, `${name}.json`))
  }

  /** What it says of its pods. Their names end with that of the node. */
  async pods(): Promise<Json[]> {
    const response = await fetch(`http://${this.#init.room.inside}:${port}/pods`, {
      signal: AbortSignal.timeout(askMs),
    })
    return ((await response.json()) as Json).items ?? []
  }

  /** Runs a command in the container of a pod. @returns its stdout; rejects with what it says is wrong */
  async ask(name: string, ...command: string[]): Promise<string> {
    const pod = (await this.pods()).find(({ metadata }) => metadata.name === `${name}-${nodeName}`)
    const [id = ''] = /[0-9a-f]{64}/.exec(pod?.status.containerStatuses?.[0]?.containerID) ?? []
    const client = ['ctr', '--address', this.#runtime, '--namespace', 'k8s.io']
    const exec = ['tasks', 'exec', '--exec-id', `ask-${performance.now()}`, id]
    return this.#init.room.run(...client, ...exec, ...command)
  }

  /** What the first container of a pod has printed. */
  async logs(name: string): Promise<string> {
    const file = `/var/log/pods/mesh_${name}-${nodeName}_*/*/*.log`
    return this.#init.room.run('sh', '-c', `cat ${file}`)
  }

  /** With the room and all that runs in it. */
  async end(): Promise<void> {
    const { room, folder } = this.#init
    // First: programs that still run would ask for names.
    await room.end()
    await this.#names?.end()
    await this.#programs.end()
    await removeGroups(folder)
  }

  get #pods(): string {
    return join(this.#init.folder, 'pods')
  }
}

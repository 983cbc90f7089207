/** A kubelet in a room, without a cluster: it runs the pods of a folder. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'
import { builtPrograms } from '../../cluster/support/built-programs.ts'
import type { Json } from '../../cluster/support/api-server.ts'
import { importImages, startContainerRuntime } from './container-runtime.ts'
import { isFirstVersion, makeControlGroup } from './control-groups.ts'
import { groupOf, removeGroups } from './leftovers.ts'
import type { NodeImages } from './node-images.ts'
import { PodNames, type Find } from './pod-names.ts'
import { Programs } from './programs.ts'
import type { Room } from './room.ts'

export const clusterDomain = 'cluster.local'
const nodeName = 'node-1'
const port = 10_255
/** The kubelet says what pods it has within this, ms. */
const askMs = 30_000

export interface KubeletInit {
  room: Room
  folder: string
  images: NodeImages
  /** What the names that pods look up have. */
  find: Find
}

export class Kubelet {
  readonly #init: KubeletInit
  readonly programs: Programs
  #names: PodNames | undefined
  #runtime = ''

  constructor(init: KubeletInit) {
    this.#init = init
    this.programs = new Programs(join(init.folder, 'log'))
  }

  async start(): Promise<void> {
    const { room, folder, images, find } = this.#init
    const file = join(await builtPrograms('kubelet'), 'kubelet')
    this.#runtime = await startContainerRuntime({
      room,
      programs: this.programs,
      folder,
      pause: images.pause,
    })
    await importImages(room, this.#runtime, images.archive)
    await makeControlGroup(groupOf(folder))
    await mkdir(this.#pods, { recursive: true })
    await writeFile(join(folder, 'kubelet.json'), JSON.stringify(this.#config()))
    this.#names = await PodNames.start(room.outside, find)
    this.programs.start(
      ...room.within(
        file,
        `--config=${folder}/kubelet.json`,
        `--hostname-override=${nodeName}`,
        ...[
          ...[`--root-dir=${folder}/kubelet`, `--cert-dir=${folder}/certificates`],
          ...[`--node-ip=${room.inside}`, `--cgroup-root=/${groupOf(folder)}`],
        ],
      ),
    )
    await vi
      .waitFor(() => this.pods(), { timeout: 120_000, interval: 500 })
      .catch(async (cause: unknown) => {
        throw new Error(`the kubelet does not answer: ${await this.programs.said()}`, { cause })
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
    await this.programs.end()
    await removeGroups(folder)
  }

  get #pods(): string {
    return join(this.#init.folder, 'pods')
  }

  #config(): object {
    const none = '0%'
    return {
      ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
      ...{ containerRuntimeEndpoint: `unix://${this.#runtime}`, staticPodPath: this.#pods },
      ...{ cgroupDriver: 'cgroupfs', cgroupsPerQOS: false, enforceNodeAllocatable: ['none'] },
      ...{ failSwapOn: false, ...(isFirstVersion() && { failCgroupV1: false }) },
      // It shares the disk and memory of this machine.
      evictionHard: {
        ...{ 'memory.available': none, 'nodefs.available': none, 'nodefs.inodesFree': none },
        ...{ 'imagefs.available': none, 'imagefs.inodesFree': none },
      },
      ...{ imageGCHighThresholdPercent: 100, imageGCLowThresholdPercent: 99 },
      ...{ clusterDNS: [this.#init.room.outside], clusterDomain, resolvConf: '' },
      // Only this machine reaches it.
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      ...{ authorization: { mode: 'AlwaysAllow' }, readOnlyPort: port, makeIPTablesUtilChains: false },
    }
  }
}

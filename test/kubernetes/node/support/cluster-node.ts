/** A cluster of one node on this machine: its control plane, a kubelet, kube-proxy and a scheduler, all in one room. */
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Json } from '../../cluster/support/api-server.ts'
import { builtPrograms } from '../../cluster/support/built-programs.ts'
import { Cluster, type ClusterInit } from '../../cluster/support/cluster.ts'
import { Programs } from '../../cluster/support/programs.ts'
import { namesOf } from './cluster-names.ts'
import { podNetwork } from './container-runtime.ts'
import { nodeName, startKubelet, type KubeletInit } from './kubelet-process.ts'
import { removeGroups } from './leftovers.ts'
import { LocalVolumes } from './local-volumes.ts'
import { PodNames } from './pod-names.ts'

export class ClusterNode {
  readonly cluster: Cluster
  readonly #init: KubeletInit
  readonly #programs: Programs
  #names: PodNames | undefined
  #volumes: LocalVolumes | undefined

  private constructor(cluster: Cluster, init: KubeletInit) {
    this.cluster = cluster
    this.#init = init
    this.#programs = new Programs(join(init.folder, 'log'))
  }

  /** @returns it once the cluster says that the node is ready; else the room has ended */
  static async start(init: KubeletInit): Promise<ClusterNode> {
    const { room, folder } = init
    const within: ClusterInit['within'] = (...command) => room.within(...command)
    const cluster = await Cluster.start({ parent: folder, host: room.inside, within }).catch(
      async (error: unknown) => {
        await room.end()
        throw error
      },
    )
    const node = new ClusterNode(cluster, init)
    try {
      await node.#start()
    } catch (cause) {
      const said = await node.#programs.said()
      await node.end().catch((error: unknown) => console.log('the node does not end:', error))
      throw new Error(`the node does not get ready: ${said}`, { cause })
    }
    return node
  }

  /** With the room and all that runs in it. */
  async end(): Promise<void> {
    // First: programs that still run would ask for names.
    await this.#init.room.end()
    await this.#volumes?.end()
    await this.#names?.end()
    await this.#programs.end()
    await this.cluster.end()
    await removeGroups(this.#init.folder)
  }

  async #start(): Promise<void> {
    const { room, folder } = this.#init
    const { api, kubeconfig } = this.cluster
    const programs = await builtPrograms('kube-scheduler', 'kube-proxy')
    const start = (name: string, ...options: string[]) =>
      this.#programs.start(...room.within(join(programs, name), `--kubeconfig=${kubeconfig}`, ...options))
    this.#volumes = new LocalVolumes(api, join(folder, 'volumes'))
    this.#names = await PodNames.start(room.outside, namesOf(api))
    await startKubelet(this.#init, this.#programs, {}, [`--kubeconfig=${kubeconfig}`])
    start('kube-scheduler', '--leader-elect=false', '--secure-port=0')
    start(
      'kube-proxy',
      ...[`--hostname-override=${nodeName}`, '--proxy-mode=nftables', `--cluster-cidr=${podNetwork}`],
      // Else answers of a pod to one beside it would take the way back that does not know of the Service.
      '--masquerade-all',
      // Limits of the whole machine stay.
      ...['--conntrack-max-per-core=0', '--conntrack-min=0'],
      ...['--conntrack-tcp-timeout-established=0', '--conntrack-tcp-timeout-close-wait=0'],
    )
    await vi.waitFor(() => this.#isReady(), { timeout: 240_000, interval: 500 })
  }

  async #isReady(): Promise<void> {
    const { status, spec } = await this.cluster.api.ask('GET', `/api/v1/nodes/${nodeName}`)
    const ready = status.conditions?.find(({ type }: Json) => type === 'Ready')
    if (ready?.status !== 'True' || spec.taints !== undefined)
      throw new Error(`${nodeName} is not ready: ${ready?.message}, ${JSON.stringify(spec.taints)}`)
  }
}

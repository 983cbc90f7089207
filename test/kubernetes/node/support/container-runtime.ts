/** containerd in a room, with its own files and the network plugins of Debian. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Programs } from '../../cluster/support/programs.ts'
import type { Room } from './room.ts'

/** Where Debian has them (containernetworking-plugins). */
const plugins = '/usr/lib/cni'
export const podNetwork = '10.244.0.0/16'
/** That of what a kubelet runs. */
const namespace = 'k8s.io'
/** The control group in which runc makes one for each container: a kubelet without groups for pods names no other. */
export const containerGroups = namespace

export interface ContainerRuntimeInit {
  room: Room
  programs: Programs
  folder: string
  /** Image of the container that holds the namespaces of each pod. */
  pause: string
}

/** @returns its address, once it answers */
export async function startContainerRuntime(init: ContainerRuntimeInit): Promise<string> {
  const { room, programs, folder } = init
  const network = join(folder, 'network')
  await mkdir(network, { recursive: true })
  await writeFile(join(network, '10-pods.conflist'), JSON.stringify(podNetworkOf(folder)))
  const config = join(folder, 'containerd.toml')
  await writeFile(config, configOf(init, network))
  programs.start(...room.within('containerd', '--config', config))
  const socket = join(folder, 'containerd.sock')
  await vi
    .waitFor(() => room.run('ctr', '--address', socket, 'version'), { timeout: 60_000, interval: 250 })
    .catch(async (cause: unknown) => {
      throw new Error(`containerd does not answer: ${await programs.said()}`, { cause })
    })
  return socket
}

/** Takes the images of an archive that `docker save` made. */
export async function importImages(room: Room, socket: string, archive: string): Promise<void> {
  await room.run('ctr', '--address', socket, '--namespace', namespace, 'images', 'import', archive)
}

/** Those that have run and were not removed, by their ids. @param folder as {@link ContainerRuntimeInit.folder} */
export const containersOf = (folder: string): Promise<string[]> =>
  readdir(join(folder, 'containerd.state/io.containerd.runtime.v2.task', namespace)).catch(() => [])

const podNetworkOf = (folder: string) => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      ...{ type: 'bridge', bridge: 'pods0', isGateway: true, ipMasq: true, hairpinMode: true },
      ipam: {
        ...{ type: 'host-local', dataDir: join(folder, 'addresses') },
        ranges: [[{ subnet: podNetwork }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
})

/** A process that may not lower the score by which the kernel ends processes runs in containers too. */
const configOf = ({ folder, pause }: ContainerRuntimeInit, network: string): string => `version = 2
root = "${folder}/containerd"
state = "${folder}/containerd.state"
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${network}"
`

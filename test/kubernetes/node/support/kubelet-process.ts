/** The process of a kubelet in a room, with containerd and the control groups of this machine. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { builtPrograms } from '../../cluster/support/built-programs.ts'
import type { Programs } from '../../cluster/support/programs.ts'
import { importImages, startContainerRuntime } from './container-runtime.ts'
import { isFirstVersion, makeControlGroup } from './control-groups.ts'
import { groupOf } from './leftovers.ts'
import type { NodeImages } from './node-images.ts'
import type { Room } from './room.ts'

export const clusterDomain = 'cluster.local'
export const nodeName = 'node-1'

export interface KubeletInit {
  room: Room
  folder: string
  images: NodeImages
}

/**
 * Its containers come from the images alone, and ask for names at the address of the room outside.
 * @param settings further ones of KubeletConfiguration @param options further ones of its command line
 * @returns the address of containerd
 */
export async function startKubelet(
  { room, folder, images }: KubeletInit,
  programs: Programs,
  settings: object,
  options: readonly string[] = [],
): Promise<string> {
  const file = join(await builtPrograms('kubelet'), 'kubelet')
  const runtime = await startContainerRuntime({ room, programs, folder, pause: images.pause })
  await importImages(room, runtime, images.archive)
  await makeControlGroup(groupOf(folder))
  const config = join(folder, 'kubelet.json')
  await writeFile(config, JSON.stringify({ ...settingsOf(room, runtime), ...settings }))
  const kubelet = room.within(
    file,
    ...[`--config=${config}`, `--hostname-override=${nodeName}`, `--node-ip=${room.inside}`],
    ...[`--root-dir=${folder}/kubelet`, `--cert-dir=${folder}/certificates`],
    ...[`--cgroup-root=/${groupOf(folder)}`, ...options],
  )
  programs.start(...kubelet)
  return runtime
}

function settingsOf(room: Room, runtime: string): object {
  const none = '0%'
  return {
    ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
    containerRuntimeEndpoint: `unix://${runtime}`,
    ...{ cgroupDriver: 'cgroupfs', cgroupsPerQOS: false, enforceNodeAllocatable: ['none'] },
    ...{ failSwapOn: false, ...(isFirstVersion() && { failCgroupV1: false }) },
    // It shares the disk and memory of this machine.
    evictionHard: {
      ...{ 'memory.available': none, 'nodefs.available': none, 'nodefs.inodesFree': none },
      ...{ 'imagefs.available': none, 'imagefs.inodesFree': none },
    },
    ...{ imageGCHighThresholdPercent: 100, imageGCLowThresholdPercent: 99 },
    ...{ clusterDNS: [room.outside], clusterDomain, resolvConf: '' },
    // Only this machine reaches it.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    ...{ authorization: { mode: 'AlwaysAllow' }, makeIPTablesUtilChains: false },
  }
}

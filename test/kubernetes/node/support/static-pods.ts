/**
 * Pods of the chart for a kubelet without a cluster. What only a cluster has, volumes of claims and Secrets, become folders of the node
 * with the owners and modes that a kubelet gives them; all else stays as the chart has it.
 */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { podOf, type Resource } from '../../support/chart.ts'

/** That of the pods (`fsGroup`). */
const group = 10_001

/** @param index of a replica; undefined: the resource makes one pod */
export async function staticPod(
  resource: Resource,
  folder: string,
  files: Readonly<Record<string, Readonly<Record<string, string>>>>,
  index?: number,
): Promise<{ metadata: { name: string } }> {
  const pod = podOf(resource)
  if (pod === undefined) throw new Error(`${resource.kind} makes no pod`)
  const { name: owner, namespace, labels } = resource.metadata
  const name = index === undefined ? owner : `${owner}-${index}`
  // A pod without a cluster may not name an account.
  const spec = { ...pod, serviceAccountName: undefined }
  const claims = (resource.spec.volumeClaimTemplates as Resource[] | undefined) ?? []
  const volumes = [...pod.volumes, ...claims.map(it => ({ name: it.metadata.name, claim: {} }))]
  const here = volumes.map(async volume => {
    if ('emptyDir' in volume) return volume
    const path = join(folder, name, volume.name)
    await fill(path, files[volume.name])
    return { name: volume.name, hostPath: { path, type: 'Directory' } }
  })
  const placed = { ...spec, volumes: await Promise.all(here) }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec: placed } as never
}

async function fill(path: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  await mkdir(path, { recursive: true })
  await chown(path, 0, group)
  await chmod(path, 0o2775)
  for (const [file, text] of Object.entries(files)) {
    await writeFile(join(path, file), text, { mode: 0o440 })
    await chown(join(path, file), 0, group)
  }
}

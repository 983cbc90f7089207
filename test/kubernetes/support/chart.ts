/** The chart of this checkout, rendered as Helm does. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { kubernetesTools } from './tools.ts'

const run = promisify(execFile)

export const checkout = join(import.meta.dirname, '..', '..', '..')
export const chart = join(checkout, 'deploy', 'kubernetes', 'agent-mesh')
/** Files of values, one for each way to use the chart. */
export const valueSets = readdirSync(join(chart, 'ci')).map(file => file.replace('.yaml', ''))
export const valuesOf = (set: string): string => join(chart, 'ci', `${set}.yaml`)

interface Labelled {
  name: string
  namespace?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

/** What the tests read of a resource. */
export interface Resource {
  apiVersion: string
  kind: string
  metadata: Labelled
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- of every kind; kubernetes-validate checks their form
  spec: any
  data?: Record<string, string>
}

export interface Container {
  name: string
  image: string
  args?: string[]
  env?: { name: string; value?: string; valueFrom?: object }[]
  ports?: { name: string; containerPort: number; hostPort?: number; protocol?: string }[]
  securityContext: object
  resources: { requests: Record<string, string>; limits: Record<string, string> }
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[]
  [probe: `${string}Probe`]: { httpGet: { path: string; port: string } } | undefined
}

/** Runs Helm to its end. @returns what it prints; rejects with what it says is wrong */
export async function helm(...args: string[]): Promise<string> {
  const { helm: file } = await kubernetesTools()
  const { stdout } = await run(file, args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

export const renderText = (set: string, ...more: string[]): Promise<string> =>
  helm('template', 'mesh', chart, '--namespace', 'mesh', '--values', valuesOf(set), ...more)

export const resourcesOf = (text: string): Resource[] =>
  parseAllDocuments(text).flatMap(document => (document.toJS() as Resource | null) ?? [])

export const render = async (set: string, ...more: string[]): Promise<Resource[]> =>
  resourcesOf(await renderText(set, ...more))

/** Those that a rendering has once. */
export function only(resources: readonly Resource[], kind: string, name = ''): Resource {
  const found = resources.filter(each => each.kind === kind && each.metadata.name.endsWith(name))
  const [first] = found
  if (first === undefined || found.length > 1)
    throw new Error(`${found.length} of ${kind} ${name}, not one: ${found.map(x => x.metadata.name).join()}`)
  return first
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  volumes: { name: string; [kind: string]: unknown }[]
  securityContext: object
  automountServiceAccountToken: boolean
  enableServiceLinks: boolean
  terminationGracePeriodSeconds: number
}

/** What a pod of this resource has, if it makes pods. */
export const podOf = ({ kind, spec }: Resource): PodSpec | undefined =>
  kind === 'Pod' ? (spec as PodSpec) : (spec as { template?: { spec: PodSpec } } | undefined)?.template?.spec

export const containersOf = (pod: PodSpec): Container[] => [...(pod.initContainers ?? []), ...pod.containers]

/**
 * A release of the chart deploy/kubernetes/agent-mesh, as a target. Helm replaces all workloads together, one pod after the other, so
 * the first wave of a deployment does it and the others find it done.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { z } from 'zod'

import { graceToGoBack, type Commands } from '../commands.ts'
import { isDigest } from '../digest.ts'
import { roles, sameBuild, type Build, type Role, type Target, type Unit } from '../target.ts'

export interface KubernetesTargetInit {
  commands: Commands
  release: string
  namespace: string
  /** Folder. */
  chart: string
  /** All values of the release: Helm forgets those that are set otherwise. */
  valuesFile: string
  /** Each upgrade has this long, ms. */
  healthyMs: number
}

/** The parts of workloads that deployments look at. */
const workloadsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        template: z.object({
          spec: z.object({ containers: z.array(z.object({ image: z.string() })).min(1) }),
        }),
      }),
    }),
  ),
})
const kinds = 'deployments,statefulsets,daemonsets'
const component = 'app.kubernetes.io/component'
/** The smoke test of the chart ends within this. */
const smokeTimeout = '6m'

export class KubernetesTarget implements Target {
  readonly #init: KubernetesTargetInit

  constructor(init: KubernetesTargetInit) {
    this.#init = init
  }

  async preflight(signal: AbortSignal): Promise<void> {
    const { namespace, release, chart, valuesFile } = this.#init
    await this.#run(['helm', 'version', '--short'], signal)
    await this.#run(
      ['kubectl', 'auth', 'can-i', 'update', 'deployments', '--namespace', namespace, '--quiet'],
      signal,
    )
    const place = ['--namespace', namespace, '--values', valuesFile]
    await this.#run(['helm', 'template', release, chart, ...place], signal)
  }

  /** A unit is a workload of the chart; before there are any, each that the chart may have. */
  async units(signal: AbortSignal): Promise<Unit[]> {
    const found = await this.running(signal)
    return roles.filter(role => found.size === 0 || found.has(role)).map(role => ({ name: role, role }))
  }

  /** A tag or a digest. That it is in the registry is found by the pods, which then do not become ready. */
  find(version: string): Promise<Build> {
    if (version !== 'latest') return Promise.resolve(sameBuild(version))
    return Promise.reject(
      new MeshError('invalid_argument', 'Cannot deploy latest: what it is would change under the release', {
        hint: 'Name the tag or the digest of the image: --version 1.2.3',
      }),
    )
  }

  async running(signal: AbortSignal): Promise<Map<Role, string>> {
    const { namespace, release } = this.#init
    const place = ['--namespace', namespace, '--selector', `app.kubernetes.io/instance=${release}`]
    const get = ['kubectl', 'get', kinds, ...place, '--output', 'json']
    const { items } = workloadsSchema.parse(JSON.parse(await this.#run(get, signal)))
    const found = new Map<Role, string>()
    for (const { metadata, spec } of items) {
      const role = roles.find(it => it === metadata.labels[component])
      const [container] = spec.template.spec.containers
      if (role !== undefined && container !== undefined) found.set(role, buildOf(container.image))
    }
    return found
  }

  notes({ relay: build }: Build, { relay: before }: Build): string[] {
    if (isDigest(build) || !isDigest(before)) return []
    return [`the tag ${build} takes the place of image.digest, ${before}: a tag may be moved`]
  }

  /** `agent-mesh admin backup` in a pod would leave it there; docs/kubernetes.md says how to make one. */
  backup(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  async start(build: Build, signal: AbortSignal): Promise<void> {
    await this.#upgrade(build, signal)
  }

  /** Volumes with keys and members stay. */
  async stop(signal: AbortSignal): Promise<void> {
    const { namespace, release } = this.#init
    await this.#run(
      ['helm', 'uninstall', release, '--namespace', namespace, '--ignore-not-found', '--wait'],
      signal,
    )
  }

  async put(units: readonly Unit[], build: Build, signal: AbortSignal): Promise<void> {
    const running = await this.running(signal)
    if (units.every(({ role }) => running.get(role) === build[role])) return
    await this.#upgrade(build, signal)
  }

  async smoke(_: Build, signal: AbortSignal): Promise<void> {
    const { namespace, release } = this.#init
    const test = ['helm', 'test', release, '--namespace', namespace, '--timeout', smokeTimeout, '--logs']
    await this.#run(test, signal)
  }

  /** Helm keeps it. */
  keep(): Promise<void> {
    return Promise.resolve()
  }

  byHand(build: Build): string[] {
    return [this.#upgradeCommand(build).join(' ')]
  }

  async #upgrade(build: Build, signal: AbortSignal): Promise<void> {
    // Helm 3 has another name for it.
    const isThird = (await this.#run(['helm', 'version', '--short'], signal)).startsWith('v3')
    const upgrade = [...this.#upgradeCommand(build), isThird ? '--atomic' : '--rollback-on-failure']
    const graceMs = graceToGoBack(this.#init.healthyMs)
    await this.#init.commands.run(upgrade, { signal, graceMs })
  }

  /** The chart has one image for all roles; in it a digest wins over a tag. */
  #upgradeCommand({ relay: build }: Build): string[] {
    const { release, chart, namespace, valuesFile, healthyMs } = this.#init
    const image = isDigest(build) ? `image.digest=${build}` : `image.tag=${build},image.digest=`
    const values = ['--values', valuesFile, '--set-string', image]
    const wait = ['--wait', '--timeout', `${healthyMs / 1_000}s`]
    return ['helm', 'upgrade', '--install', release, chart, '--namespace', namespace, ...values, ...wait]
  }

  #run(command: readonly string[], signal: AbortSignal): Promise<string> {
    return this.#init.commands.run(command, { signal })
  }
}

/** Of an image: `sha256:HEX` of `REPOSITORY@sha256:HEX`, else the tag. */
const buildOf = (image: string): string => image.slice(image.lastIndexOf(image.includes('@') ? '@' : ':') + 1)

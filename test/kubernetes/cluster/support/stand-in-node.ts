/**
 * A node that runs nothing: it accepts each pod and reports the state that a kubelet would, by the tag of the image. A tag `broken`
 * cannot be pulled; a pod that ends by itself has succeeded; all others are ready, unless the node holds them back.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'

import { ApiFailure, type ApiServer, type Json } from './api-server.ts'
import { volumeFor } from './volume-for.ts'

const run = promisify(execFile)
const name = 'node-1'
const lookMs = 250

export class StandInNode {
  readonly #api: ApiServer
  readonly #stopped = new AbortController()
  #loop: Promise<void> | undefined
  #logs: Server | undefined
  /** Pods that start while it is set do not get ready. */
  holdsBack = false

  constructor(api: ApiServer) {
    this.#api = api
  }

  async start(): Promise<void> {
    this.#logs = await logServer()
    const { port } = this.#logs.address() as AddressInfo
    const metadata = { name, labels: { 'kubernetes.io/hostname': name } }
    await this.#api.ask('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata })
    const resources = { cpu: '64', memory: '256Gi', pods: '200' }
    await this.#api.ask('PATCH', `/api/v1/nodes/${name}/status`, {
      status: {
        ...{ capacity: resources, allocatable: resources },
        conditions: [{ ...condition('Ready', true), reason: 'StandIn', message: 'it runs nothing' }],
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    })
    // That of a node which is not ready yet.
    await this.#api.ask('PATCH', `/api/v1/nodes/${name}`, { spec: { taints: null } })
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#loop
    this.#logs?.closeAllConnections()
    this.#logs?.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await this.#look().catch(sayUnlessGone)
      await wait(lookMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One that fails is seen again at the next look. */
  async #look(): Promise<void> {
    const { items: pods } = await this.#api.ask('GET', '/api/v1/pods')
    for (const pod of pods) await this.#tend(pod).catch(sayUnlessGone)
    const { items: claims } = await this.#api.ask('GET', '/api/v1/persistentvolumeclaims')
    for (const claim of claims)
      if (claim.status.phase === 'Pending') await this.#volume(claim).catch(sayUnlessGone)
  }

  async #tend({ metadata, spec, status }: Json): Promise<void> {
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`
    if (metadata.deletionTimestamp !== undefined)
      return this.#api.ask('DELETE', `${path}?gracePeriodSeconds=0`)
    if (spec.nodeName === undefined)
      return this.#api.ask('POST', `${path}/binding`, {
        ...{ apiVersion: 'v1', kind: 'Binding', metadata: { name: metadata.name } },
        target: { apiVersion: 'v1', kind: 'Node', name },
      })
    const next = stateOf(spec, this.holdsBack)
    // One that is ready stays so.
    if (status.phase === 'Running' || status.phase === 'Succeeded' || status.reason === next.reason) return
    await this.#api.ask('PATCH', `${path}/status`, { status: { ...status, ...next } })
  }

  async #volume(claim: Json): Promise<void> {
    const source = { hostPath: { path: `/volumes/${claim.metadata.uid}` } }
    await this.#api.ask('POST', '/api/v1/persistentvolumes', volumeFor(claim, source))
  }
}

const condition = (type: string, is: boolean) => ({
  type,
  status: is ? 'True' : 'False',
  lastTransitionTime: new Date().toISOString(),
})

/** Of a pod that has a node. */
function stateOf({ containers, restartPolicy }: Json, holdsBack: boolean): Json {
  const isBroken = containers.some(({ image }: Json) => image.endsWith(':broken'))
  const ends = restartPolicy === 'Never'
  const ready = !isBroken && !holdsBack && !ends
  const startedAt = new Date().toISOString()
  const state = isBroken
    ? { waiting: { reason: 'ErrImagePull', message: 'there is no such image' } }
    : ends
      ? { terminated: { exitCode: 0, startedAt, finishedAt: startedAt } }
      : { running: { startedAt } }
  return {
    phase: isBroken || (holdsBack && !ends) ? 'Pending' : ends ? 'Succeeded' : 'Running',
    reason: isBroken ? 'Broken' : holdsBack ? 'HeldBack' : 'Started',
    podIPs: [{ ip: '10.244.0.1' }],
    podIP: '10.244.0.1',
    hostIP: '127.0.0.1',
    hostIPs: [{ ip: '127.0.0.1' }],
    startTime: startedAt,
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', ready),
      condition('Ready', ready),
    ],
    containerStatuses: containers.map(({ name: container, image }: Json) => ({
      ...{ name: container, image, imageID: image, ready, started: ready, restartCount: 0, state },
    })),
  }
}

/** What was deleted or changed in the meantime is looked at again. */
function sayUnlessGone(error: unknown): void {
  if (!(error instanceof ApiFailure) || ![404, 409].includes(error.status))
    console.log('the node that runs nothing reports nothing:', error)
}

/** Answers "kubectl logs" as a kubelet does. */
async function logServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'stand-in-node-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    ...names,
  ])
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) =>
    response.end('it ran nothing\n'),
  )
  await rm(folder, { recursive: true })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** The pods of the chart at a real kubelet: they get ready, join and call each other; one is replaced; one whose process ends is not ready. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import type { Json } from '../cluster/support/api-server.ts'
import { chart, only, render, type Resource } from '../support/chart.ts'
import { Kubelet } from './support/kubelet.ts'
import { clusterDomain } from './support/kubelet-process.ts'
import { makeFolder, removeLeftovers } from './support/leftovers.ts'
import { nodeImages, repository, tags } from './support/node-images.ts'
import { Room } from './support/room.ts'
import { staticPod } from './support/static-pods.ts'

const release = 'mesh-agent-mesh'
const patience = { timeout: 240_000, interval: 500 }
const asked = ['--set', `image.repository=${repository},image.pullPolicy=Never,agent.enabled=true`]
const controlPlane = `${release}-control-plane`
const agent = `${release}-agent`
const relays = [0, 1].map(index => `${release}-relay-${index}`)

let folder: string
let kubelet: Kubelet

beforeAll(async () => {
  await removeLeftovers()
  folder = await makeFolder()
  const images = await nodeImages(folder)
  const room = await Room.open(folder)
  kubelet = new Kubelet({ room, folder, images, find })
  await kubelet.start()
})
afterAll(async () => {
  await kubelet?.end()
  await rm(folder, { recursive: true, force: true })
})

const rendered = (tag = tags.first): Promise<Resource[]> =>
  render('minimal', ...asked, '--set', `image.tag=${tag}`)

/** As the Services of the chart: that of its pods, and of a relay by the name of its pod. */
async function find(name: string): Promise<string[]> {
  const suffix = `.mesh.svc.${clusterDomain}`
  const [service, pod] = name.replace(suffix, '').split('.').reverse()
  if (!name.endsWith(suffix)) return []
  const all = await kubelet.pods()
  return all
    .filter(({ metadata }) => `${release}-${metadata.labels['app.kubernetes.io/component']}` === service)
    .filter(({ metadata }) => pod === undefined || metadata.name === pod)
    .flatMap(({ status }) => (status.podIP as string | undefined) ?? [])
}

const stateOf = async (name: string): Promise<Json> =>
  (await kubelet.pods()).find(({ metadata }) => metadata.name.startsWith(name))

const isReady = ({ status }: Json): boolean =>
  status.conditions?.some(({ type, status: is }: Json) => type === 'Ready' && is === 'True')

const ready = (name: string, tag = tags.first): Promise<void> =>
  vi.waitFor(async () => {
    const pod = await stateOf(name)
    const state = JSON.stringify(pod?.status)
    expect(pod?.spec.containers[0].image, state).toBe(`${repository}:${tag}`)
    expect(isReady(pod), state).toBe(true)
  }, patience)

const mesh = (name: string, ...args: string[]): Promise<string> =>
  kubelet.ask(name, 'node', '/app/bin/agent-mesh.js', ...args)

const tokens = async (...options: string[]) => ({
  join: { token: await mesh(controlPlane, 'token', 'create', ...options) },
})

test('the control plane gets ready, with a volume of its own', async () => {
  const resources = await rendered()
  await kubelet.put(await staticPod(only(resources, 'Deployment'), folder, {}))
  await ready(controlPlane)
})

test('relays and the agent of the node join and get ready', async () => {
  const resources = await rendered()
  const ofRelays = await tokens('--role', 'relay', '--uses', '2')
  for (const index of [0, 1])
    await kubelet.put(await staticPod(only(resources, 'StatefulSet'), folder, ofRelays, index))
  await kubelet.put(await staticPod(only(resources, 'DaemonSet'), folder, await tokens('--ephemeral')))
  for (const name of [...relays, agent]) await ready(name)
})

test('what "helm test" runs ends well as a pod', async () => {
  const files = {
    ...(await tokens('--ephemeral', '--expires', '1d')),
    smoke: { 'smoke.mjs': await readFile(join(chart, 'files', 'smoke.mjs'), 'utf8') },
  }
  await kubelet.put(await staticPod(only(await rendered(), 'Pod'), folder, files))
  const name = `${release}-smoke`
  await vi.waitFor(async () => {
    const { status } = await stateOf(name)
    expect(['Succeeded', 'Failed']).toContain(status.phase)
  }, patience)
  const { status } = await stateOf(name)
  expect(status.phase, await kubelet.logs(name)).toBe('Succeeded')
  expect(await kubelet.logs(name)).toContain('over a path of the kind "relay"')
  await kubelet.remove(name)
})

test('a relay of the next image takes the place of one, with its key', async () => {
  const [first = ''] = relays
  const before = JSON.parse(await mesh(first, 'status', '--json')) as Json
  const next = only(await rendered(tags.second), 'StatefulSet')
  await kubelet.put(await staticPod(next, folder, {}, 0))
  await ready(first, tags.second)
  const after = JSON.parse(await mesh(first, 'status', '--json')) as Json
  expect(before.peerId).toMatch(/^12D3/)
  expect(after.peerId).toBe(before.peerId)
})

test('a pod whose process ends at once is started again and again, and never ready', async () => {
  const [, second = ''] = relays
  const broken = only(await rendered(tags.broken), 'StatefulSet')
  await kubelet.put(await staticPod(broken, folder, {}, 1))
  await vi.waitFor(async () => {
    const pod = await stateOf(second)
    const state = JSON.stringify(pod?.status)
    expect(pod?.spec.containers[0].image, state).toBe(`${repository}:${tags.broken}`)
    expect(pod.status.containerStatuses?.[0].restartCount, state).toBeGreaterThan(1)
    expect(isReady(pod), state).toBe(false)
  }, patience)
  await kubelet.put(await staticPod(only(await rendered(), 'StatefulSet'), folder, {}, 1))
  await ready(second)
})

/** The chart at a cluster whose node runs pods: they join, call each other, are upgraded, and go back from an image that does not start. */
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'

import { startDeploy, type Deployed } from '../../deploy/support/deploy-script.ts'
import type { Json } from '../cluster/support/api-server.ts'
import { Evictions } from '../cluster/support/evictions.ts'
import { chart } from '../support/chart.ts'
import { sidecarRecipe } from '../support/sidecar-recipe.ts'
import { ClusterNode } from './support/cluster-node.ts'
import { nodeName } from './support/kubelet-process.ts'
import { makeFolder, removeLeftovers } from './support/leftovers.ts'
import { nodeImages, repository, tags } from './support/node-images.ts'
import { Room } from './support/room.ts'

const run = promisify(execFile)
const namespace = 'mesh'
const release = 'mesh-agent-mesh'
const patience = { timeout: 240_000, interval: 500 }
const healthy = ['--healthy', '400']
const values = {
  image: { repository, tag: tags.first, pullPolicy: 'Never' },
  relay: { drainSeconds: 10 },
  agent: { enabled: true, drainSeconds: 5 },
}
const relays = [0, 1].map(index => `${release}-relay-${index}`)

let folder: string
let node: ClusterNode
let env: NodeJS.ProcessEnv
let valuesFile: string

beforeAll(async () => {
  await removeLeftovers()
  folder = await makeFolder()
  const images = await nodeImages(folder)
  node = await ClusterNode.start({ room: await Room.open(folder), folder, images })
  valuesFile = join(folder, 'values.yaml')
  await writeFile(valuesFile, stringify(values))
  const more = { AGENT_MESH_RELEASES: join(folder, 'releases'), AGENT_MESH_VALUES: valuesFile }
  env = { ...(await node.cluster.environment()), ...more }
  await ask('kubectl', 'create', 'namespace', namespace)
  await ask('kubectl', 'label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted')
})
afterAll(async () => {
  await node?.end()
  await rm(folder, { recursive: true, force: true })
})

/** Runs a command to its end. @returns its stdout; rejects with what it says is wrong */
async function ask(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, { env, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

const kubectl = (...args: string[]): Promise<string> => ask('kubectl', '--namespace', namespace, ...args)
const helm = (...args: string[]): Promise<string> => ask('helm', '--namespace', namespace, ...args)
const smoke = (): Promise<string> => helm('test', 'mesh', '--logs', '--timeout', '6m')

const deploy = (...args: string[]): Promise<Deployed> => startDeploy([...args, '--env', namespace], env).ended

/** The command of the product in the first container of a pod. */
const mesh = (pod: string, ...args: string[]): Promise<string> =>
  kubectl('exec', pod, '--', 'node', '/app/bin/agent-mesh.js', ...args)

const roleOf = ({ metadata }: Json): string => metadata.labels?.['app.kubernetes.io/component'] ?? ''

/** Of the release, without those that end. */
async function pods(): Promise<Json[]> {
  const { items } = await node.cluster.api.ask('GET', `/api/v1/namespaces/${namespace}/pods`)
  const lasting = ['control-plane', 'relay', 'agent']
  return items.filter(
    (pod: Json) => pod.metadata.deletionTimestamp === undefined && lasting.includes(roleOf(pod)),
  )
}

/** Another pod of the same name has another one. */
const uidOf = async (pod: string): Promise<string> =>
  (await node.cluster.api.ask('GET', `/api/v1/namespaces/${namespace}/pods/${pod}`)).metadata.uid

/** Tags of the images that run. */
const running = async (): Promise<string[]> => [
  ...new Set((await pods()).map(({ spec }) => (spec.containers[0].image as string).split(':')[1] ?? '')),
]

async function putToken(secret: string, ...options: string[]): Promise<void> {
  const file = join(folder, 'token')
  await writeFile(file, await mesh(`deployment/${release}-control-plane`, 'token', 'create', ...options))
  await kubectl('create', 'secret', 'generic', secret, `--from-file=token=${file}`)
}

const rolledOut = (workload: string): Promise<string> =>
  kubectl('rollout', 'status', workload, '--timeout', '400s')

const identity = async (pod: string): Promise<string> =>
  (JSON.parse(await mesh(pod, 'status', '--json')) as Json).peerId as string

test('the pods of an installation get ready, once they have their tokens', async () => {
  await helm('install', 'mesh', chart, '--values', valuesFile)
  await rolledOut(`deployment/${release}-control-plane`)
  await putToken('agent-mesh-relay-token', '--role', 'relay', '--uses', '2')
  await putToken('agent-mesh-agent-token', '--ephemeral', '--expires', '365d')
  await putToken('agent-mesh-smoke-token', '--ephemeral', '--expires', '365d')
  await rolledOut(`statefulset/${release}-relay`)
  await rolledOut(`daemonset/${release}-agent`)
  expect((await pods()).map(roleOf).toSorted()).toEqual(['agent', 'control-plane', 'relay', 'relay'])
})

test('"helm test" passes', async () => {
  const said = await smoke()
  expect(said).toContain('over a path of the kind "relay"')
  for (const relay of relays) expect(said).toContain(`ok: ${relay} answers at`)
})

/** The recipe of the page, beside a program that only waits. */
async function sidecarPod(): Promise<object> {
  const spec = await sidecarRecipe()
  const image = `${repository}:${tags.first}`
  const agents = (spec.initContainers ?? []).map(agent => ({ ...agent, image }))
  const command = ['node', '--eval', 'setInterval(() => undefined, 1_000)']
  const program = { name: 'program', image, command, securityContext: agents[0]?.securityContext }
  const own = { initContainers: agents, containers: [program], terminationGracePeriodSeconds: 1 }
  const metadata = { name: 'beside', namespace }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...spec, ...own } }
}

test('an agent beside a program calls the agent of the node', async () => {
  await node.cluster.api.ask('POST', `/api/v1/namespaces/${namespace}/pods`, await sidecarPod())
  try {
    await kubectl('wait', '--for=condition=Ready', 'pod/beside', '--timeout', '240s')
    const command = ['node', '/app/bin/agent-mesh.js', 'ping', nodeName, '--count', '3', '--json']
    expect(await kubectl('exec', 'beside', '--container', 'agent', '--', ...command)).toContain('"path":')
  } finally {
    await kubectl('delete', 'pod', 'beside')
  }
})

test('an upgrade replaces each pod; relays keep their keys', async () => {
  const [first = ''] = relays
  const before = await identity(first)
  const { code, said } = await deploy('kubernetes', '--version', tags.second, ...healthy)
  expect(code, said).toBe(0)
  await vi.waitFor(async () => expect(await running()).toEqual([tags.second]), patience)
  expect(before).toMatch(/^12D3/)
  expect(await identity(first)).toBe(before)
})

test('an image whose process ends at once is rolled back, and what ran before runs', async () => {
  const { code, said } = await deploy('kubernetes', '--version', tags.broken, '--healthy', '60')
  expect(code, said).toBe(1)
  expect(said).toContain('rolled back')
  await vi.waitFor(async () => expect(await running()).toEqual([tags.second]), patience)
  await rolledOut(`statefulset/${release}-relay`)
  expect(await smoke()).toContain('has left')
})

test('one relay is evicted at a time', async () => {
  const [first = '', second = ''] = relays
  const evictions = new Evictions(node.cluster.api, namespace, patience)
  await evictions.evict(first)
  await evictions.expectRefusal(second)
  await rolledOut(`statefulset/${release}-relay`)
  const before = await uidOf(second)
  await evictions.evict(second)
  // A StatefulSet looks rolled out until its controller sees that a pod ends.
  await vi.waitFor(async () => expect(await uidOf(second)).not.toBe(before), patience)
  await rolledOut(`statefulset/${release}-relay`)
})

test('a rollback leads to the release of before', async () => {
  await helm('rollback', 'mesh', '1', '--wait', '--timeout', '6m')
  await vi.waitFor(async () => expect(await running()).toEqual([tags.first]), patience)
  expect(await smoke()).toContain('has left')
})

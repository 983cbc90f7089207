/** The chart and deploy.sh at a real API server with its controllers; a node that runs nothing says what its pods would. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'

import { startDeploy, type Deployed } from '../../deploy/support/deploy-script.ts'
import { render, valueSets } from '../support/chart.ts'
import type { Json } from './support/api-server.ts'
import { Cluster } from './support/cluster.ts'
import { Evictions } from './support/evictions.ts'
import { StandInNode } from './support/stand-in-node.ts'

const namespace = 'mesh'
const digest = `sha256:${'5e'.repeat(32)}`
const patience = { timeout: 240_000, interval: 500 }
/** Of an upgrade, s: on a busy machine too. */
const healthy = ['--healthy', '300']
const values = {
  image: { repository: 'registry.example.com/agent-mesh' },
  controlPlane: {
    replicas: 2,
    store: { kind: 'postgres', urlSecret: 'mesh-database', keysSecret: 'mesh-keys' },
  },
  agent: { enabled: true },
}
/** Those of the Prometheus operator are unknown there; a pod needs its ServiceAccount to be there first. */
const leftOut = ['ServiceMonitor', 'PrometheusRule', 'Pod']
/** Sets of values with ports or folders of nodes, which the level `restricted` does not allow. */
const ofNodes = ['relays-only', 'agents-only']

let folder: string
let cluster: Cluster
let node: StandInNode
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cluster-test-'))
  // The node sends no heartbeats.
  cluster = await Cluster.start({ controllers: '*,-node-lifecycle-controller,-taint-eviction-controller' })
  node = new StandInNode(cluster.api)
  await node.start()
  const valuesFile = join(folder, 'values.yaml')
  await writeFile(valuesFile, stringify(values))
  const more = { AGENT_MESH_RELEASES: join(folder, 'releases'), AGENT_MESH_VALUES: valuesFile }
  env = { ...(await cluster.environment()), ...more }
  await cluster.kubectl('create', 'namespace', namespace)
  const levels = ['enforce', 'warn'].map(mode => `pod-security.kubernetes.io/${mode}=restricted`)
  await cluster.kubectl('label', 'namespace', namespace, ...levels)
})
afterAll(async () => {
  try {
    await node?.stop()
  } finally {
    await cluster?.end()
    await rm(folder, { recursive: true, force: true })
  }
})

const deploy = (...args: string[]): Promise<Deployed> => startDeploy([...args, '--env', namespace], env).ended

const pods = async (): Promise<Json[]> =>
  (await cluster.api.ask('GET', `/api/v1/namespaces/${namespace}/pods`)).items.filter(
    ({ metadata }: Json) => metadata.labels['app.kubernetes.io/component'] !== 'smoke',
  )

/** Images of the pods, without repetition. */
const images = async (): Promise<string[]> => [
  ...new Set((await pods()).map(({ spec }) => spec.containers[0].image as string)),
]

const imageOf = (version: string): string =>
  `registry.example.com/agent-mesh${version.startsWith('sha256:') ? '@' : ':'}${version}`

test.each(valueSets)('the API server accepts each resource of the values "%s"', async set => {
  const file = join(folder, `${set}.yaml`)
  const known = (await render(set)).filter(({ kind }) => !leftOut.includes(kind))
  await writeFile(file, known.map(resource => stringify(resource)).join('---\n'))
  const applied = await cluster.kubectl('apply', '--dry-run=server', '--validate=strict', '--filename', file)
  expect(applied.match(/\(server dry run\)/g)).toHaveLength(known.length)
  const warns = expect(applied)
  if (ofNodes.includes(set)) warns.toContain('would violate PodSecurity')
  else warns.not.toContain('Warning')
})

test('it refuses a field that it does not know', async () => {
  const [deployment] = (await render('minimal')).filter(({ kind }) => kind === 'Deployment')
  const file = join(folder, 'wrong.yaml')
  await writeFile(file, stringify(deployment).replace('readinessProbe', 'readynessProbe'))
  const applied = cluster.kubectl('apply', '--dry-run=server', '--validate=strict', '--filename', file)
  await expect(applied).rejects.toThrow('readynessProbe')
})

test('a release is installed, then upgraded, by a tag and by a digest', async () => {
  for (const version of ['1.0.0', '1.1.0', digest]) {
    const { code, said } = await deploy('kubernetes', '--version', version, ...healthy)
    expect(code, said).toBe(0)
    await vi.waitFor(async () => expect(await images()).toEqual([imageOf(version)]), patience)
  }
  const roles = (await pods()).map(({ metadata }) => metadata.labels['app.kubernetes.io/component'] as string)
  expect(roles.toSorted()).toEqual(['agent', 'control-plane', 'control-plane', 'relay', 'relay'])
})

test('an image that cannot be pulled is rolled back, and what ran before runs', async () => {
  const { code, said } = await deploy('kubernetes', '--version', 'broken', '--healthy', '60')
  expect(code, said).toBe(1)
  expect(said).toContain('rolled back')
  await vi.waitFor(async () => expect(await images()).toEqual([imageOf(digest)]), patience)
  const { said: history } = await deploy('history')
  expect(history.trimEnd().split('\n').at(-1)).toMatch(/broken: rolled back$/)
})

test.each(['relay', 'control-plane'])('one %s is evicted at a time', async role => {
  const [first = '', second = ''] = (await pods())
    .filter(({ metadata }) => metadata.labels['app.kubernetes.io/component'] === role)
    .map(({ metadata }) => metadata.name as string)
  const evictions = new Evictions(cluster.api, namespace, patience)
  node.holdsBack = true
  try {
    await evictions.evict(first)
    await evictions.expectRefusal(second)
  } finally {
    node.holdsBack = false
  }
  await evictions.evict(second)
})

test('a rollback leads to the release of before', async () => {
  const { code, said } = await deploy('rollback', ...healthy)
  expect(code, said).toBe(0)
  await vi.waitFor(async () => expect(await images()).toEqual([imageOf('1.1.0')]), patience)
  const { said: state } = await deploy('status')
  expect(state).toContain('relay: 1.1.0')
})

/** What the chart makes of its values, and which values it refuses. */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { parse } from 'yaml'
import { addrField } from '@agent-mesh/protocol'
import { chart, checkout, helm, only, render, resourcesOf, valueSets, valuesOf } from './support/chart.ts'
import { containersOf, podOf, type Resource } from './support/chart.ts'
import { sidecarRecipe } from './support/sidecar-recipe.ts'

const read = (...path: string[]) => readFileSync(join(checkout, ...path), 'utf8')
const kinds = (resources: readonly Resource[]) => resources.map(({ kind }) => kind).sort()

const member = ['NetworkPolicy', 'Service']
const smoke = ['ConfigMap', 'NetworkPolicy', 'Pod', 'ServiceAccount']
const relay = [...member, 'PodDisruptionBudget', 'StatefulSet']
const controlPlane = [...member, 'Deployment']

test.each<[string, string[]]>([
  ['minimal', [...smoke, ...controlPlane, 'PersistentVolumeClaim', ...relay]],
  ['first-start', [...smoke, ...controlPlane]],
  ['relays-only', [...smoke, ...relay]],
  ['agents-only', [...smoke, ...member, 'DaemonSet', 'ServiceMonitor']],
])('of the values "%s" it makes what they name, and nothing else', async (set, expected) => {
  expect(kinds(await render(set))).toEqual(expected.sort())
})

test('there is no kind of its own, and no hook but the test', async () => {
  for (const resource of (await Promise.all(valueSets.map(set => render(set)))).flat()) {
    expect(resource.kind).not.toBe('CustomResourceDefinition')
    expect(resource.metadata.namespace).toBe('mesh')
    const hook = resource.metadata.annotations?.['helm.sh/hook']
    expect([resource.kind, hook]).toEqual([resource.kind, resource.kind === 'Pod' ? 'test' : undefined])
  }
})

test.each(valueSets)('pods of the values "%s" have no rights', async set => {
  const resources = await render(set)
  const claims = resources.flatMap(({ spec }) => (spec?.volumeClaimTemplates as Resource[] | undefined) ?? [])
  const pods = resources.flatMap(resource => podOf(resource) ?? [])
  expect(pods.length).toBeGreaterThan(1)
  for (const pod of pods) {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    expect(pod.securityContext).toMatchObject({
      ...{ runAsNonRoot: true, runAsUser: 10_001, fsGroupChangePolicy: 'OnRootMismatch' },
      seccompProfile: { type: 'RuntimeDefault' },
    })
    const volumes = [...pod.volumes.map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)]
    for (const { securityContext, resources, volumeMounts } of containersOf(pod)) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(resources.requests['cpu']).toMatch(/m$/)
      expect(resources.limits['memory']).toMatch(/Mi$/)
      for (const { name } of volumeMounts) expect(volumes).toContain(name)
    }
  }
})

/** What value sets give in "env". */
const given = ['AGENT_MESH_GATEWAY', 'AGENT_MESH_REGION']

/** Variables of the command. */
const settings = () => read('docs', 'configuration.md').match(/\bAGENT_MESH_\w+/g)

test('an agent beside a program, as the page has it, needs no rights and no other setting than the command has', async () => {
  const pod = await sidecarRecipe()
  expect(pod).toMatchObject({ enableServiceLinks: false })
  expect(pod.securityContext).toMatchObject({
    ...{ runAsNonRoot: true, runAsUser: 10_001, fsGroupChangePolicy: 'OnRootMismatch' },
    seccompProfile: { type: 'RuntimeDefault' },
  })
  const [agent, ...more] = containersOf(pod)
  expect(more).toEqual([])
  expect(agent?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
  })
  expect(agent?.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name))
  const names = agent?.env?.map(({ name }) => name) ?? []
  expect(names.length).toBeGreaterThan(2)
  expect(settings()).toEqual(expect.arrayContaining(names))
})

test('each setting in a variable is one of the command', async () => {
  const names = (await Promise.all(valueSets.map(set => render(set))))
    .flat()
    .flatMap(resource => podOf(resource)?.containers ?? [])
    .flatMap(({ env = [] }) => env.map(({ name }) => name))
    .filter(name => name.startsWith('AGENT_MESH_'))
  expect(names.length).toBeGreaterThan(20)
  expect(settings()).toEqual(expect.arrayContaining(names))
})

test('a variable that the chart sets is refused in values, as Kubernetes refuses a name twice', async () => {
  for (const [set, role, at] of [
    ['highly-available', 'controlPlane', 'control-plane'],
    ['minimal', 'relay', 'relay'],
    ['agents-only', 'agent', 'agent'],
  ] as const) {
    const [own] = (await render(set))
      .flatMap(each => podOf(each)?.containers ?? [])
      .filter(it => it.name === at)
    const names = own?.env?.map(({ name }) => name).filter(name => !given.includes(name)) ?? []
    expect(names.length).toBeGreaterThan(3)
    const env = JSON.stringify(Object.fromEntries(names.map(name => [name, 'x'])))
    const refused = await render(set, '--set-json', `${role}.env=${env}`).catch(String)
    for (const name of names) expect(refused).toContain(`'${name}'`)
  }
})

test('processes are asked at the port that they serve, and have longer to stop than they drain', async () => {
  for (const set of ['highly-available', 'agents-only'])
    for (const resource of await render(set)) {
      const pod = podOf(resource)
      const [process] = pod?.containers ?? []
      if (pod === undefined || process === undefined || resource.kind === 'Pod') continue
      const ports = process.ports?.map(({ name }) => name) ?? []
      for (const [probe, path] of [
        ['startup', '/health'],
        ['liveness', '/health'],
        ['readiness', '/ready'],
      ] as const)
        expect(process[`${probe}Probe`]?.httpGet).toEqual({ path, port: 'operations' })
      expect(ports).toContain('operations')
      const [, drain = 0] =
        /^(\d+)s$/.exec(process.env?.find(({ name }) => name === 'AGENT_MESH_DRAIN')?.value ?? '') ?? []
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(drain) + 30)
    }
})

const announced = (resources: readonly Resource[]) =>
  podOf(only(resources, 'StatefulSet'))?.containers[0]?.env?.find(
    ({ name }) => name === 'AGENT_MESH_ANNOUNCE',
  )?.value

test('each relay announces an address of its own, which leads to it alone', async () => {
  const resources = await render('highly-available')
  expect(announced(resources)).toBe('relay-$(RELAY_INDEX).mesh.example.com:4001')
  for (const index of ['0', '1', '2', '3']) {
    const { spec, metadata } = only(resources, 'Service', `relay-${index}`)
    expect(spec).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
    expect(spec.selector['statefulset.kubernetes.io/pod-name']).toBe(`mesh-agent-mesh-relay-${index}`)
    expect(Object.values(metadata.annotations ?? {})).toEqual([`relay-${index}.mesh.example.com`])
  }
  expect(announced(await render('relays-only'))).toBe('$(HOST_IP):4001')
  const inCluster = '$(POD_NAME).mesh-agent-mesh-relay.mesh.svc:4001'
  expect(announced(await render('minimal'))).toBe(inCluster)
})

test('members accept the address that a relay has by default, and the chart refuses one that is too long', async () => {
  const [host = ''] = announced(await render('minimal'))?.split(':') ?? []
  const addr = `/dns4/${host.replace('$(POD_NAME)', 'mesh-agent-mesh-relay-99')}/tcp/4001`
  expect(z.safeParse(addrField, addr).success, addr).toBe(true)
  const long = render('minimal', '--namespace', 'a-namespace-of-27-characters')
  await expect(long).rejects.toThrow('relay.address')
  const named = (host: string) =>
    render('minimal', '--set-json', `relay.address=${JSON.stringify(`{index}.${host}:443`)}`)
  expect(announced(await named('a'.repeat(61)))).toBe(`$(RELAY_INDEX).${'a'.repeat(61)}:443`)
  await expect(named('a'.repeat(62))).rejects.toThrow('relay.address')
})

test('relays follow what they carry where an adapter serves it, and CPU in any case', async () => {
  const metrics = async (...more: string[]) =>
    only(await render('highly-available', ...more), 'HorizontalPodAutoscaler', 'relay').spec.metrics
  const cpu = { type: 'Resource', resource: { name: 'cpu' } }
  expect(await metrics()).toMatchObject([cpu])
  const carried = await metrics('--set', 'relay.autoscaling.usedPercent=60')
  expect(carried).toMatchObject([cpu, { type: 'Pods', pods: { target: { averageValue: '600m' } } }])
  expect(read('docs', 'metrics.md')).toContain(`\`${carried[1].pods.metric.name}\``)
})

test('an update never has fewer control planes, and one relay less at most', async () => {
  const resources = await render('highly-available')
  expect(only(resources, 'Deployment').spec.strategy.rollingUpdate).toEqual({
    maxUnavailable: 0,
    maxSurge: 1,
  })
  expect(only(resources, 'PodDisruptionBudget', 'control-plane').spec.minAvailable).toBe(1)
  expect(only(resources, 'PodDisruptionBudget', 'relay').spec.maxUnavailable).toBe(1)
  for (const [role, kind] of [
    ['control-plane', 'Deployment'],
    ['relay', 'StatefulSet'],
  ] as const) {
    const { spec } = only(resources, 'HorizontalPodAutoscaler', role)
    expect(spec.scaleTargetRef).toMatchObject({ kind, name: `mesh-agent-mesh-${role}` })
    expect(only(resources, kind).spec).not.toHaveProperty('replicas')
  }
  expect(only(await render('minimal'), 'Deployment').spec.strategy).toEqual({ type: 'Recreate' })
})

test('the package has the rules and dashboards that the project generates', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'package-'))
  try {
    await helm('package', chart, '--destination', folder)
    const [file = ''] = readdirSync(folder)
    const text = await helm('template', 'mesh', join(folder, file), '--values', valuesOf('highly-available'))
    const resources = resourcesOf(text)
    const generated = read('deploy', 'prometheus', 'alerts.yml').replaceAll(
      'docs/alerts.md#',
      'https://docs.example.com/$&',
    )
    expect(only(resources, 'PrometheusRule').spec).toEqual(parse(generated))
    const dashboards = readdirSync(join(checkout, 'deploy', 'grafana'))
    expect(dashboards).toHaveLength(5)
    for (const name of dashboards) {
      const short = name.replace(/^agent-mesh-|\.json$/g, '')
      const { data } = only(resources, 'ConfigMap', `dashboard-${short}`)
      expect(data).toEqual({ [name]: read('deploy', 'grafana', name) })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the jobs that Prometheus scrapes are those of alerts and dashboards', async () => {
  const monitors = (await render('highly-available', '--set', 'agent.enabled=true')).filter(
    ({ kind }) => kind === 'ServiceMonitor',
  )
  const jobs = monitors.map(({ spec }) => spec.endpoints[0].relabelings[0].replacement as string)
  const named = read('deploy', 'prometheus', 'prometheus.yml').match(/(?<=job_name: )\S+/g)
  expect(jobs.sort()).toEqual(named?.sort())
})

test.each([
  ['a key that it does not know', 'minimal', 'relay.replcas=3', 'replcas'],
  ['two control planes on SQLite', 'minimal', 'controlPlane.replicas=2', 'replicas'],
  ['PostgreSQL without the keys', 'first-start', 'controlPlane.store.keysSecret=', 'keysSecret'],
  ['a first start by two', 'first-start', 'controlPlane.replicas=2', 'replicas'],
  ['one address for all relays', 'highly-available', 'relay.address=relay.example.com:4001', 'address'],
  ['a container without a limit of memory', 'minimal', 'relay.resources.limits.memory=null', 'memory'],
  ['an Ingress without a host', 'minimal', 'controlPlane.ingress.enabled=true', 'publicUrl'],
  ['a variable that is none of a setting', 'minimal', 'relay.env.PATH=/tmp', 'PATH'],
  ['a token in a variable', 'minimal', 'relay.env.AGENT_MESH_JOIN=amj1', 'AGENT_MESH_JOIN'],
  [
    'one address for two relays, however it leads to them',
    'minimal',
    'relay.address=a.example:4001',
    'address',
  ],
  ['an address without a port', 'relays-only', 'relay.address=\\{pod\\}.example', 'address'],
  ['an agent at the port of its metrics', 'agents-only', 'agent.port=9464', 'port'],
  [
    'relays as a measure of control planes',
    'minimal',
    'controlPlane.autoscaling.usedPercent=60',
    'usedPercent',
  ],
])('it refuses %s', async (_, set, value, named) => {
  await expect(render(set, '--set', value)).rejects.toThrow(new RegExp(`values don't meet[^]*${named}`))
})

test.each([
  ['a proxy', 'relay.env.HTTPS_PROXY=http://proxy:3128'],
  ['one address for one relay', 'relay.address=a.example:4001,relay.replicas=1'],
  ['two addresses of one relay', 'relay.address=[2001:db8::1]:4001\\,a.example:4001,relay.replicas=1'],
])('it takes %s', async (_, value) => {
  expect((await render('minimal', '--set', value)).length).toBeGreaterThan(5)
})

test('it refuses an autoscaler whose least is more than its most', async () => {
  const values = ['relay.autoscaling.enabled=true', 'relay.autoscaling.minReplicas=5']
  await expect(render('minimal', '--set', values.join())).rejects.toThrow('minReplicas 5 is more')
})

/** deploy/compose in a real engine: it starts in the order of health, and its agents call each other through the relays. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { composeImages } from './support/compose-images.ts'
import { ComposeMesh, type Container } from './support/compose-mesh.ts'
import { describeEngine, engine, images } from './support/describe-engine.ts'

const members = ['control-plane-1', 'control-plane-2', 'relay-1', 'relay-2', 'agent-1', 'agent-2']
const once = ['keys', 'join-tokens']
const monitoring = ['alertmanager', 'prometheus']
/** A busy machine too gets there within this, ms. */
const longest = { timeout: 240_000, interval: 1_000 }
const limit = 300_000

describeEngine('the installation of deploy/compose', () => {
  let mesh: ComposeMesh

  beforeAll(async () => {
    mesh = await ComposeMesh.prepare({
      engine,
      images: {
        CONTROL_PLANE_IMAGE: images['control-plane'] ?? '',
        RELAY_IMAGE: images.relay ?? '',
        AGENT_IMAGE: images.agent ?? '',
        ...(await composeImages(engine)),
      },
    })
    await mesh.up()
  }, 3 * limit)

  afterAll(() => mesh?.end())

  const isHealthy = async () => {
    const all = await mesh.containers()
    expect(once.map(service => all.get(service)?.State.ExitCode)).toEqual([0, 0])
    await expect
      .poll(async () => healthOf(await mesh.containers()), longest)
      .toEqual(
        Object.fromEntries(['postgres', ...members, ...monitoring].map(service => [service, 'healthy'])),
      )
  }
  it('is healthy, and what runs once has ended with 0', isHealthy, limit)

  it('runs all without root and capabilities, with a root that is read-only, and limits what they use', async () => {
    for (const [service, { Config, HostConfig }] of await mesh.containers()) {
      expect([service, HostConfig.ReadonlyRootfs, HostConfig.CapDrop]).toEqual([service, true, ['ALL']])
      expect(HostConfig.SecurityOpt, service).toEqual(['no-new-privileges'])
      expect(Config.User, service).toMatch(/^[1-9]\d*(:|$)|^nobody$/)
      expect([HostConfig.Memory > 0, (HostConfig.PidsLimit ?? 0) > 0], service).toEqual([true, true])
    }
  })

  it('has no secret in its settings', async () => {
    for (const [service, { Config }] of await mesh.containers())
      expect(JSON.stringify(Config), service).not.toMatch(/amj1\.|postgres:\/\//)
  })

  const callThroughRelay = async () => {
    const all = await mesh.containers()
    const networks = (service: string) => Object.keys(all.get(service)?.NetworkSettings.Networks ?? {})
    const both = networks('agent-1').filter(name => networks('agent-2').includes(name))
    expect([networks('agent-1').length, networks('agent-2').length, both]).toEqual([1, 1, []])
    const ping = (from: string, to: string) => () => mesh.ask(from, 'ping', to, '--json').catch(String)
    await expect.poll(ping('agent-1', 'agent-2'), longest).toContain('"path":"relay"')
    await expect.poll(ping('agent-2', 'agent-1'), longest).toContain('"path":"relay"')
  }
  it('lets agents of separate networks call each other through a relay', callThroughRelay, 2 * limit)

  const isWatched = async () => {
    const targets = () => mesh.fetch('prometheus', '/api/v1/targets').then(watched, String)
    await expect.poll(targets, longest).toEqual(members.toSorted())
    const alerts = () => mesh.fetch('alertmanager', '/api/v2/alerts').then(it => JSON.stringify(it), String)
    await expect.poll(alerts, longest).toContain('"alertname":"AgentMeshWatchdog"')
  }
  it('is watched: Prometheus reads the metrics of all and sends alerts to Alertmanager', isWatched, 2 * limit)

  const isRestored = async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/compose.md'), 'utf8')
    const [, section = ''] = /^## Backup and restore$([^]*?)^## /m.exec(page) ?? []
    const lines = [...section.matchAll(/^```sh\n([^]*?)```/gm)].flatMap(([, block = '']) =>
      block.trim().split('\n'),
    )
    expect(lines.at(-1)).toBe('docker compose up --detach')
    for (const line of lines.slice(0, -1)) await mesh.line(line)
    const { mode } = await stat(join(mesh.folder, 'compose/mesh.backup'))
    expect(mode & 0o777).toBe(0o600)
    await mesh.up()
    const names = () => mesh.ask('control-plane-2', 'members', 'list', '--json').catch(String)
    for (const name of ['relay-1', 'relay-2', 'agent-1', 'agent-2'])
      await expect.poll(names, longest).toContain(`"name":"${name}"`)
    await isHealthy()
    await callThroughRelay()
  }
  it('is restored from a backup into empty volumes, line by line of its page', isRestored, 3 * limit)
})

/** Of those that have a check. */
const healthOf = (all: Map<string, Container>): Record<string, string> =>
  Object.fromEntries(
    [...all].flatMap(([service, { State }]) =>
      State.Health === undefined || once.includes(service) ? [] : [[service, State.Health.Status]],
    ),
  )

interface Targets {
  data: { activeTargets: { health: string; labels: { instance: string } }[] }
}

const watched = (answer: unknown): string[] =>
  (answer as Targets).data.activeTargets
    .filter(({ health }) => health === 'up')
    .map(({ labels }) => labels.instance.replace(/:.*/, ''))
    .toSorted()

/** deploy.sh at deploy/compose in a real engine: what is deployed, updated under load, and rolled back. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startDeploy, type Deployed } from './support/deploy-script.ts'
import { startLoad, type LoadReport } from './support/running-load.ts'
import { composeImages } from '../docker/support/compose-images.ts'
import { ComposeMesh } from '../docker/support/compose-mesh.ts'
import { describeEngine, engine, images } from '../docker/support/describe-engine.ts'
import { targets } from '../docker/support/image.ts'

const members = ['control-plane-1', 'control-plane-2', 'relay-1', 'relay-2', 'agent-1', 'agent-2']
const perSecond = Number(process.env['DEPLOY_CALLS'] ?? 500)
/** It says which schema it has, and does not start. */
const broken = ['sh', '-c', '[ "$1" != admin ] || exec node /app/bin/agent-mesh.js "$@"; exit 7', 'broken']
/** Of a deployment, ms; and of a process until it is healthy, s: on a busy machine too. */
const limit = 1_800_000
const healthy = ['--healthy', '300']

describeEngine('deploy.sh docker', () => {
  let mesh: ComposeMesh
  let env: NodeJS.ProcessEnv

  beforeAll(async () => {
    const { POSTGRES_IMAGE = '' } = await composeImages(engine)
    mesh = await ComposeMesh.prepare({
      engine,
      images: { CALLER_IMAGE: images.agent ?? '', POSTGRES_IMAGE },
      more: ['deployment.yaml', 'work.ts', 'load.ts'].map(file => join(import.meta.dirname, 'support', file)),
    })
    env = { ...mesh.env, AGENT_MESH_RELEASES: join(mesh.folder, 'releases') }
    for (const target of targets) {
      await derive(target, 'two', 'LABEL release=two')
      // Only that of the control plane is broken, so that relays have been replaced by then.
      await derive(
        target,
        'broken',
        target === 'control-plane' ? `ENTRYPOINT ${JSON.stringify(broken)}` : 'LABEL release=broken',
      )
    }
  }, limit)

  afterAll(() => mesh?.end())

  /** An image that differs from the tested one by an instruction. */
  const derive = async (target: string, tag: string, instruction: string): Promise<void> => {
    const dockerfile = `FROM agent-mesh-${target}:test\n${instruction}\n`
    await engine.pipe(['printf', '%s', dockerfile], ['build', '--tag', `agent-mesh-${target}:${tag}`, '-'])
  }

  const deploy = (...args: string[]): Promise<Deployed> =>
    startDeploy([...args, '--env', String(env['COMPOSE_PROJECT_NAME'])], env).ended

  /** The image of each member, by its name; a member that does not serve has none. */
  async function served(): Promise<Record<string, string | undefined>> {
    const all = await mesh.containers()
    const ids = new Map<string, string>()
    for (const target of targets)
      for (const tag of ['test', 'two', 'broken'])
        ids.set(
          await engine.docker('image', 'inspect', '--format', '{{.Id}}', `agent-mesh-${target}:${tag}`),
          tag,
        )
    return Object.fromEntries(
      members.map(name => {
        const container = all.get(name)
        return [name, container?.State.Health?.Status === 'healthy' ? ids.get(container.Image) : undefined]
      }),
    )
  }

  const allServe = (tag: string) => Object.fromEntries(members.map(name => [name, tag]))

  /** @returns what became of the calls that ran meanwhile */
  async function underLoad(work: () => Promise<void>): Promise<LoadReport> {
    const caller = (await mesh.containers()).get('caller')?.Id ?? ''
    await expect
      .poll(() => mesh.ask('caller', 'call', 'work.look', '{"id":1}', '--json').catch(String), {
        timeout: 240_000,
      })
      .toContain('"value":1')
    const load = startLoad(caller, perSecond, env)
    try {
      await work()
    } catch (error) {
      await load.stop().catch(console.error)
      throw error
    }
    const report = await load.stop()
    const rate = Math.round(report.begun / report.seconds)
    const { begun, skipped, seconds } = report
    console.log(
      `${begun} calls, ${rate} a second, in ${Math.round(seconds)} s; ${skipped} more were not begun`,
    )
    // At once: a suite that is stopped says nothing of the tests that have failed.
    const failures = Object.entries(report.failed).toSorted(([, a], [, b]) => b - a)
    for (const [said, times] of failures.slice(0, 10)) console.log(`failed ${times} times: ${said}`)
    expect(skipped, 'most calls are begun').toBeLessThan(begun)
    return report
  }

  const starts = async () => {
    const { code, said } = await deploy('docker', '--version', 'test', ...healthy)
    expect(code, said).toBe(0)
    expect(said).toContain('smoke test')
    expect(await served()).toEqual(allServe('test'))
  }
  it('starts an installation: all are healthy, and the smoke test passed at each relay', starts, limit)

  const callsThroughRelay = async () => {
    const all = await mesh.containers()
    const networks = (service: string) => Object.keys(all.get(service)?.NetworkSettings.Networks ?? {})
    expect(networks('agent-1').filter(name => networks('agent-2').includes(name))).toEqual([])
    const ping = () => mesh.ask('agent-1', 'ping', 'agent-2', '--json').catch(String)
    await expect.poll(ping, { timeout: 240_000, interval: 1_000 }).toContain('"path":"relay"')
  }
  it('whose agents call from network to network through a relay', callsThroughRelay, limit)

  const updates = async () => {
    const report = await underLoad(async () => {
      const { code, said } = await deploy('docker', '--version', 'two', ...healthy)
      expect(code, said).toBe(0)
    })
    expect(await served()).toEqual(allServe('two'))
    expect(report.failed).toEqual({})
    expect(Object.keys(report.answered).toSorted()).toEqual(['agent-1', 'agent-2'])
  }
  it('updates it under load, and no call is lost', updates, limit)

  const rollsBack = async () => {
    await underLoad(async () => {
      const { code, said } = await deploy('docker', '--version', 'broken', ...healthy)
      expect(code, said).toBe(1)
      expect(said).toMatch(/failed: .*control-plane-1/)
    })
    expect(await served()).toEqual(allServe('two'))
    expect(await mesh.ask('caller', 'call', 'work.look', '{"id":2}', '--json')).toContain('"value":2')
  }
  it('goes back by itself from an image that is broken, and what ran before serves', rollsBack, limit)

  const records = async () => {
    const file = join(mesh.folder, 'releases', `${String(env['COMPOSE_PROJECT_NAME'])}.jsonl`)
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    const outcomes = lines.map(line => (JSON.parse(line) as { outcome: string }).outcome)
    expect(outcomes).toEqual(['begun', 'deployed', 'begun', 'deployed', 'begun', 'rolled back'])
    const { code, said } = await deploy('docker', '--version', 'two', ...healthy)
    expect([code, said]).toEqual([0, expect.stringContaining('nothing to do')])
  }
  it('has recorded that, and finds the installation to be what it says', records, limit)

  const byDigest = async () => {
    const id = await engine.docker('image', 'inspect', '--format', '{{.Id}}', 'agent-mesh-relay:two')
    const { code, said } = await deploy('docker', '--version', id, ...healthy)
    expect(code, said).toBe(0)
    const all = await mesh.containers()
    const run = members.map(name => [all.get(name)?.State.Health?.Status, all.get(name)?.Image])
    expect(run).toEqual(members.map(() => ['healthy', id]))
  }
  it('deploys one image by its digest in all roles', byDigest, limit)
})

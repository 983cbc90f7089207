/** The images of all roles in a real engine: what they are allowed, what they weigh, and that they form a mesh. */
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { describeEngine, engine, images } from './support/describe-engine.ts'
import { targets, type Target } from './support/image.ts'

const user = 1_000
const mostMiB = 120

describeEngine('the images', () => {
  const containers: string[] = []
  let folder: string
  let port: number

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'images-'))
    port = await freePort()
  })

  afterAll(async () => {
    for (const name of containers) await engine.docker('rm', '--force', '--volumes', name)
    await rm(folder, { recursive: true, force: true })
  })

  async function start(target: Target, ...options: string[]): Promise<string> {
    const name = `${target}-${process.pid}`
    await engine.docker(
      ...['run', '--detach', '--name', name, '--network', 'host'],
      ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', ...options],
      images[target] ?? '',
      ...(target === 'control-plane' ? ['control-plane', '--listen', `127.0.0.1:${port}`, '--json'] : []),
    )
    containers.push(name)
    return name
  }

  const ask = (name: string, ...args: string[]) =>
    engine.docker('exec', name, 'node', '/app/bin/agent-mesh.js', ...args)

  /** Once its process answers, as an engine may run a command in a container before that. */
  const ready = (name: string): Promise<void> =>
    expect
      .poll(() => ask(name, 'status', '--wait', '30s', '--json').catch(() => ''), { timeout: 60_000 })
      .toContain('"ready":true')

  /** A token, in a file that the user of the images reads. */
  async function tokenFile(controlPlane: string, role: 'agent' | 'relay'): Promise<string[]> {
    const file = join(folder, role)
    await writeFile(file, await ask(controlPlane, 'token', 'create', '--role', role), { mode: 0o400 })
    await chown(file, user, user)
    return ['--volume', `${file}:/run/join-token:ro`, '--env', 'AGENT_MESH_JOIN_FILE=/run/join-token']
  }

  it.each(targets)('%s runs as a number, says how it is, and lists its packages', async target => {
    const { [target]: image = '', base } = images
    const of = (name: string, format: string) => engine.docker('image', 'inspect', '--format', format, name)
    expect(await of(image, '{{.Config.User}}')).toBe('1000:1000')
    expect(await of(image, '{{json .Config.Healthcheck.Test}}')).toContain('status')
    const sbom = await of(image, '{{index .Config.Labels "sbom.cyclonedx.path"}}')
    const listed = await engine.docker('run', '--rm', '--network', 'none', '--entrypoint', 'cat', image, sbom)
    const { bomFormat, components } = JSON.parse(listed) as { bomFormat: string; components: object[] }
    expect([bomFormat, components.length > 50]).toEqual(['CycloneDX', true])
    const size = async (name: string) => Number(await of(name, '{{.Size}}'))
    expect(((await size(image)) - (await size(base))) / 1024 ** 2).toBeLessThan(mostMiB)
  })

  it('form a mesh: each is healthy, and the agent has the relay as its home', async () => {
    const controlPlane = await start('control-plane')
    await ready(controlPlane)
    const loopback = (name: string) => [
      ...['--env', `AGENT_MESH_NAME=${name}`, '--env', 'AGENT_MESH_LISTEN=/ip4/127.0.0.1/tcp/0'],
    ]
    const relayOptions = [...loopback('relay-1'), '--env', 'AGENT_MESH_STUN_PORT=0']
    await start('relay', ...(await tokenFile(controlPlane, 'relay')), ...relayOptions)
    const agent = await start(
      'agent',
      ...(await tokenFile(controlPlane, 'agent')),
      ...loopback('web-1'),
      ...['--env', 'AGENT_MESH_MDNS=false'],
    )
    await ready(agent)
    await expect
      .poll(() => ask(agent, 'status', '--json').catch(() => ''), { timeout: 60_000 })
      .toContain('"name":"relay-1"')
    for (const name of containers)
      await expect
        .poll(() => engine.docker('inspect', '--format', '{{.State.Health.Status}}', name), {
          timeout: 120_000,
        })
        .toBe('healthy')
  }, 300_000)
})

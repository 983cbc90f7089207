/** A mesh whose members run this release or the one before, each a process of its own, but for two agents of the test itself. */
import { createAgent, type Agent } from '@agent-mesh/agent'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandFile, lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from './command.ts'
import { freePort } from './free-port.ts'
import { silent } from './local-mesh.ts'
import { unpackReleaseBefore } from './release-before.ts'

export type Release = 'today' | 'before'
/** The command of each release. */
export type Commands = Readonly<Record<Release, string>>

const loopback = '/ip4/127.0.0.1/tcp/0'
const service = join(import.meta.dirname, 'both-releases-service.ts')

/** Unpacks the release before. @returns also what removes it */
export async function commandsOfBoth(): Promise<Commands & { remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'release-before-'))
  await unpackReleaseBefore(folder, ['protocol', 'agent', 'relay', 'lambdas', 'cli'])
  return {
    today: commandFile,
    before: join(folder, 'cli', 'bin', 'agent-mesh.js'),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export class TwoReleases {
  readonly #workshop: Workshop
  readonly #commands: Commands
  readonly #library: Agent[] = []
  /** Of control plane and relay, which restart at their addresses. */
  readonly #ports: readonly [number, number]
  readonly daemons = new Map<string, Daemon>()

  private constructor(workshop: Workshop, commands: Commands, ports: readonly [number, number]) {
    this.#workshop = workshop
    this.#commands = commands
    this.#ports = ports
  }

  /** With a control plane and a relay of a release. */
  static async start(commands: Commands, release: Release): Promise<TwoReleases> {
    const mesh = new TwoReleases(await openWorkshop(), commands, [await freePort(), await freePort()])
    await mesh.controlPlane(release)
    await mesh.relay(release, ['--join', await mesh.token(release, '--role', 'relay')])
    return mesh
  }

  controlPlane(release: Release): Promise<Daemon> {
    return this.#start(release, 'control-plane', ['control-plane', '--listen', `127.0.0.1:${this.#ports[0]}`])
  }

  relay(release: Release, more: readonly string[] = []): Promise<Daemon> {
    const listen = `/ip4/127.0.0.1/tcp/${this.#ports[1]}`
    const args = ['relay', '--name', 'relay', '--listen', listen, '--stun-port', '0', ...more]
    return this.#start(release, 'relay', args)
  }

  /** An agent that serves {@link file://./both-releases-service.ts}. @param name also of its data folder */
  agent(release: Release, name: string, more: readonly string[] = []): Promise<Daemon> {
    const args = ['up', '--name', name, '--listen', loopback, '--no-mdns', '--serve', service, ...more]
    return this.#start(release, name, args)
  }

  /** An agent of this process. */
  async library(paths: 'any' | 'relay', join: string): Promise<Agent> {
    const name = `library-${paths}`
    const listen = paths === 'relay' ? [] : [loopback]
    const data = this.#workshop.folder(name)
    const agent = await createAgent({ data, join, name, listen, paths, log: silent })
    this.#library.push(agent)
    return agent
  }

  /** Runs the command of a release on the data folder of a process. */
  async run(release: Release, name: string, ...args: string[]): Promise<Record<string, unknown>> {
    const all = [...args, '--json', '--data', this.data(name)]
    const ran = await runCommand(all, {}, this.#commands[release])
    return lastJson(ran.stdout === '' ? { ...ran, stdout: ran.stderr } : ran)
  }

  async token(release: Release, ...args: string[]): Promise<string> {
    return String((await this.run(release, 'control-plane', 'token', 'create', ...args))['token'])
  }

  data(name: string): string {
    return this.#workshop.folder(name)
  }

  async end(): Promise<void> {
    await Promise.all(this.#library.map(agent => agent.stop()))
    await this.#workshop.end()
  }

  async #start(release: Release, name: string, args: readonly string[]): Promise<Daemon> {
    const daemon = await this.#workshop.start(name, args, this.#commands[release])
    this.daemons.set(name, daemon)
    return daemon
  }
}

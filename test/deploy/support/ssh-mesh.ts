/** A mesh whose members are on hosts that OpenSSH reaches: each in folders of its own on this machine. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../support/free-port.ts'
import { buildProgram } from '../../support/program-releases.ts'
import { startSshServer, type SshServer } from '../../support/ssh-server.ts'
import { startDeploy, type Deployed, type Deployment } from './deploy-script.ts'

const run = promisify(execFile)

export interface SshMeshInit {
  /** JavaScript that each version runs first, to break it. */
  versions: Readonly<Record<string, string>>
  /** The one that runs at first. */
  first: string
}

export class SshMesh {
  readonly folder: string
  readonly #server: SshServer
  readonly #first: string
  readonly names: string[] = []

  private constructor(folder: string, server: SshServer, first: string) {
    this.folder = folder
    this.#server = server
    this.#first = first
  }

  /** A control plane, two relays and two agents. */
  static async start({ versions, first }: SshMeshInit): Promise<SshMesh> {
    const folder = await mkdtemp(join(tmpdir(), 'ssh-mesh-'))
    for (const [version, code] of Object.entries(versions)) {
      await mkdir(join(folder, 'programs', version), { recursive: true })
      await buildProgram(join(folder, 'programs', version, 'agent-mesh'), { version, first: code })
    }
    const mesh = new SshMesh(folder, await startSshServer(join(folder, 'ssh')), first)
    try {
      await mesh.#add('control-1', ['control-plane', '--listen', `127.0.0.1:${await freePort()}`])
      for (const name of ['relay-1', 'relay-2']) {
        const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
        await mesh.#join(name, 'relay', ['relay', '--listen', listen, '--stun-port', '0'])
      }
      for (const name of ['agent-1', 'agent-2'])
        await mesh.#join(name, 'agent', ['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns'])
      await mesh.#writeHosts()
      return mesh
    } catch (error) {
      await mesh.end()
      throw error
    }
  }

  /** Runs the command of a host. @returns its stdout */
  async ask(name: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(this.#file(name, 'agent-mesh'), [
      '--data',
      this.#file(name, 'data'),
      ...args,
    ])
    return stdout.trim()
  }

  /** The version of each member, as it says. */
  async versions(): Promise<Record<string, string>> {
    const said = await Promise.all(
      this.names.map(async name => [name, JSON.parse(await this.ask(name, 'status', '--json'))] as const),
    )
    return Object.fromEntries(said.map(([name, status]) => [name, (status as { version: string }).version]))
  }

  /** Runs deploy.sh; never rejects. */
  deploy(...args: string[]): Promise<Deployed> {
    return this.begin(...args).ended
  }

  /** Starts deploy.sh. */
  begin(...args: string[]): Deployment {
    return startDeploy(args, {
      ...process.env,
      AGENT_MESH_HOSTS: join(this.folder, 'hosts.json'),
      AGENT_MESH_RELEASES: join(this.folder, 'releases'),
    })
  }

  /** The version that was started last on a host, be it ready or not. */
  async started(name: string): Promise<string> {
    return (await readFile(this.#file(name, 'version'), 'utf8')).trim()
  }

  /** Ends the daemon of a host, as a machine that fails. */
  async stop(name: string): Promise<void> {
    const pid = Number(await readFile(this.#file(name, 'pid'), 'utf8'))
    process.kill(pid, 'SIGKILL')
  }

  async end(): Promise<void> {
    for (const name of this.names) await this.stop(name).catch(() => undefined)
    this.#server.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #join(name: string, role: string, args: readonly string[]): Promise<void> {
    const token = await this.ask('control-1', 'token', 'create', '--role', role)
    await this.#add(name, [...args, '--name', name, '--join', token])
  }

  async #add(name: string, args: readonly string[]): Promise<void> {
    await mkdir(join(this.folder, name))
    await copyFile(join(import.meta.dirname, 'host-program.sh'), this.#file(name, 'agent-mesh'))
    await writeFile(this.#file(name, 'arguments'), args.join('\n'))
    // It runs no version yet.
    await writeFile(this.#file(name, 'version'), 'none')
    await run(this.#file(name, 'agent-mesh'), ['upgrade', '--to', this.#first])
    this.names.push(name)
  }

  #writeHosts(): Promise<void> {
    const roleOf = (name: string) => (name === 'control-1' ? 'control-plane' : name.split('-')[0])
    const hosts = this.names.map(name => ({
      ...{ name, role: roleOf(name), ssh: '127.0.0.1' },
      ...{ data: this.#file(name, 'data'), program: this.#file(name, 'agent-mesh') },
    }))
    const options = [...this.#server.options, '-p', String(this.#server.port)]
    return writeFile(join(this.folder, 'hosts.json'), JSON.stringify({ hosts, as: [], options }))
  }

  #file(host: string, name: string): string {
    return join(this.folder, host, name)
  }
}

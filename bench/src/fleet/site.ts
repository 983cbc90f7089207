/** What the benches of a fleet run: processes of the built command on this machine. */
import { controlPlaneClient, loadIdentity, type ControlPlaneClient } from '@agent-mesh/agent'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MemberProcess } from '../revoke/member-process.ts'
import { CommandProcess } from './command-process.ts'

export const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0']

export const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

/** The command as users run it. */
export const buildCommand = (): Promise<unknown> =>
  promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../../cli/build/build.ts')])

/** A control plane and what is started with it; `end` leaves nothing behind. */
export class Site {
  readonly #folder: string
  readonly #processes: (CommandProcess | MemberProcess)[] = []
  readonly controlPlane: CommandProcess
  admin!: ControlPlaneClient

  private constructor(folder: string) {
    this.#folder = folder
    this.controlPlane = this.run('control-plane', ['control-plane', '--listen', '127.0.0.1:0'])
  }

  static async open(): Promise<Site> {
    const site = new Site(await mkdtemp(join(tmpdir(), 'fleet-')))
    process.once('SIGTERM', () => void site.end().then(() => process.exit(143)))
    const ready = await site.controlPlane.ready
    const { signer } = await loadIdentity(site.controlPlane.data, 'admin-identity.json')
    const [url, meshId] = [String(ready?.['url']), String(ready?.['meshId'])]
    site.admin = controlPlaneClient({ url, meshId, signer })
    return site
  }

  run(name: string, args: readonly string[]): CommandProcess {
    const process = new CommandProcess(join(this.#folder, name), args)
    this.#processes.push(process)
    return process
  }

  async token(uses: number, role: 'agent' | 'relay' = 'agent'): Promise<string> {
    return (await this.admin.createToken({ uses, roles: [role] })).token
  }

  async relay(name: string, listen = loopback): Promise<CommandProcess> {
    const join = await this.token(1, 'relay')
    const relay = this.run(name, ['relay', '--join', join, '--name', name, ...listen])
    await relay.ready
    return relay
  }

  /** So many start at the same time. @returns them in the order of their starts, all ready @throws Error when one does not start */
  async agents(token: string, names: readonly string[], atOnce: number): Promise<CommandProcess[]> {
    const waiting = [...names]
    const agents: CommandProcess[] = []
    const startNext = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const agent = this.run(name, ['up', '--join', token, '--name', name, ...loopback])
        agents.push(agent)
        if ((await agent.ready) === undefined) throw new Error(`Cannot start ${name}: ${agent.said}`)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, startNext))
    return agents
  }

  async members(token: string, names: string[]): Promise<MemberProcess> {
    const plan = { folder: this.#folder, token, kind: 'agent', names, paths: 'relay' } as const
    const process = await MemberProcess.start(plan, () => {})
    this.#processes.push(process)
    return process
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map(process => ('end' in process ? process.end() : process.stop())))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

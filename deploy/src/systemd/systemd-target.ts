/** Services of machines that `ssh` reaches, as a target: `agent-mesh upgrade` replaces the program and restarts them. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { dirname } from 'node:path/posix'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'

import { answer } from '../answer.ts'
import { CommandFailure, graceToGoBack, type Commands } from '../commands.ts'
import { isDigest } from '../digest.ts'
import { leastForBackup, leastForVersions, tooLittle } from '../room.ts'
import { smokeTest } from '../smoke-test.ts'
import { roles, sameBuild, type Build, type Target, type Unit } from '../target.ts'
import type { Host, Hosts } from './hosts-file.ts'
import { inTurns } from './in-turns.ts'
import { SmokeProcess } from './smoke-process.ts'
import { quoted, SshHost } from './ssh-host.ts'

export interface SystemdTargetInit {
  commands: Commands
  hosts: Hosts
  /** Of the environment, for names. */
  env: string
  /** A service is ready within this, ms. */
  healthyMs: number
}

/** Machines that are asked at the same time. */
const together = 20
const statusSchema = z.object({ version: z.string(), ready: z.boolean() })
const plannedSchema = z.object({ version: z.string() })
/** Exit codes of `agent-mesh upgrade`: the releases are unreachable; there is no such release. */
const noRelease: ReadonlySet<unknown> = new Set([6, 7])
/** And: another upgrade runs. */
const anotherRuns = 8
const againMs = 1_000
const exitOf = (error: unknown): unknown => (error instanceof CommandFailure ? error.exit : undefined)

export class SystemdTarget implements Target {
  readonly #init: SystemdTargetInit
  readonly #hosts: ReadonlyMap<string, SshHost>

  constructor(init: SystemdTargetInit) {
    const { commands, hosts } = init
    this.#init = init
    this.#hosts = new Map(hosts.hosts.map(host => [host.name, new SshHost(commands, hosts, host)]))
  }

  async preflight(signal: AbortSignal): Promise<void> {
    this.#checkRoles()
    const running = await this.running(signal)
    const stopped = [...this.#hosts.keys()].filter(name => !running.has(name))
    if (stopped.length > 0)
      throw new MeshError('unavailable', `Cannot deploy: no service runs on ${stopped.join(', ')}`, {
        hint: 'Start it there, or install it: "agent-mesh service install"; or remove the host from the file.',
      })
    const controlPlane = this.#first('control-plane')
    await inTurns([...this.#hosts.values()], together, async host => {
      await checkRoomOn(host, dirname(host.host.program), leastForVersions, signal)
      if (host === controlPlane) await checkRoomOn(host, host.host.data, leastForBackup, signal)
    })
  }

  units(): Promise<Unit[]> {
    return Promise.resolve(this.#init.hosts.hosts.map(({ name, role }) => ({ name, role })))
  }

  async find(version: string, signal: AbortSignal): Promise<Build> {
    if (isDigest(version))
      throw new MeshError('invalid_argument', `Cannot deploy ${version}: machines run no image`, {
        hint: 'Name the version of the program: --version 1.2.3',
      })
    const found = await this.#planned(version === 'latest' ? [] : ['--to', version], signal)
    return sameBuild(found)
  }

  async checkWayBack(before: Build, signal: AbortSignal): Promise<void> {
    for (const version of new Set(Object.values(before)))
      await this.#planned(['--to', version], signal).catch((cause: unknown) => {
        signal.throwIfAborted()
        const { message } = toMeshError(cause, 'internal', 'find the release')
        throw new MeshError('not_found', `Cannot deploy: there is no way back to ${version}: ${message}`, {
          cause,
          hint: `Put release ${version}, which runs, where the releases are.`,
        })
      })
  }

  async running(signal: AbortSignal): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    await inTurns([...this.#hosts.values()], together, async host => {
      // 3: no process runs.
      const said = await host.run(`${host.agentMesh('status', '--json')} || [ $? -eq 3 ]`, signal)
      if (said.includes('"version"')) found.set(host.host.name, answer(statusSchema, said).version)
    })
    return found
  }

  /** It stays on the machine that has the keys of the mesh. */
  async backup(number: number, signal: AbortSignal): Promise<string> {
    const host = this.#first('control-plane')
    const file = `${host.host.data}/deploy-${this.#init.env}-${number}.backup`
    await host.run(host.agentMesh('admin', 'backup', '--force', file), signal)
    return `${host.host.ssh}:${file}`
  }

  /** Not reached: the preflight refuses where no service runs. */
  start(): Promise<void> {
    return Promise.reject(
      new MeshError('unsupported', 'Cannot deploy: services are installed on each machine'),
    )
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  async put(units: readonly Unit[], build: Build, signal: AbortSignal): Promise<void> {
    await inTurns(units, together, async ({ name, role }) => {
      const host = this.#host(name)
      await this.#replace(host, build[role], signal)
      const status = await host.run(host.agentMesh('status', '--wait', this.#seconds, '--json'), signal)
      const { version } = answer(statusSchema, status)
      if (version !== build[role])
        throw new MeshError('unavailable', `Cannot deploy ${name}: it runs ${version}, not ${build[role]}`)
    })
  }

  async smoke(_: Build, signal: AbortSignal): Promise<void> {
    const name = `${this.#init.env}-smoke`
    const member = new SmokeProcess({
      ...{ name, host: this.#first('agent'), controlPlane: this.#first('control-plane') },
      at: unit => this.#host(unit),
    })
    await smokeTest({ member, name, units: await this.units(), signal })
  }

  /** A service that starts anew runs what was put in place last. */
  keep(): Promise<void> {
    return Promise.resolve()
  }

  byHand(build: Build): string[] {
    return [...this.#hosts.values()].map(
      host => `on ${host.host.ssh}: ${this.#upgrade(host, '--to', build[host.host.role])}`,
    )
  }

  /** The smoke test needs one of each, and it is also the last step of a rollback. */
  #checkRoles(): void {
    const { hosts } = this.#init.hosts
    const missing = roles.filter(role => !hosts.some(host => host.role === role))
    if (missing.length === 0) return
    const hint = `The smoke test calls from an agent through each relay: name a host of each role (${roles.join(', ')}).`
    throw new MeshError('invalid_argument', `Cannot deploy: no host is a ${missing.join(', and none a ')}`, {
      hint,
    })
  }

  /** What an upgrade of the first machine would make of it. */
  async #planned(to: readonly string[], signal: AbortSignal): Promise<string> {
    const [first] = this.#hosts.values()
    if (first === undefined) throw new MeshError('not_found', 'Cannot deploy: there is no host')
    const said = await first.run(this.#upgrade(first, ...to, '--dry-run'), signal)
    return answer(plannedSchema, said).version
  }

  /** Where the release cannot be had, the program that the machine keeps takes its place again, if it is of that version. */
  async #replace(host: SshHost, version: string, signal: AbortSignal): Promise<void> {
    const within = ['--ready-within', this.#seconds]
    try {
      await this.#runUpgrade(host, this.#upgrade(host, '--to', version, ...within), signal)
    } catch (error) {
      if (!noRelease.has(exitOf(error)) || (await keptVersion(host, signal)) !== version) throw error
      const back = ['upgrade', '--json', '--program', host.host.program, '--back', ...within]
      await this.#runUpgrade(host, host.agentMesh(...back), signal)
    }
  }

  /** Waits for one that runs already: where the connection was lost it goes back by itself. */
  async #runUpgrade(host: SshHost, script: string, signal: AbortSignal): Promise<void> {
    const graceMs = graceToGoBack(this.#init.healthyMs)
    for (const late = performance.now() + graceMs; ; await wait(againMs, undefined, { signal }))
      try {
        return void (await host.run(script, signal, graceMs))
      } catch (error) {
        if (exitOf(error) !== anotherRuns || performance.now() > late) throw error
      }
  }

  get #seconds(): string {
    return `${this.#init.healthyMs / 1_000}s`
  }

  #upgrade(host: SshHost, ...args: readonly string[]): string {
    const { releases } = this.#init.hosts
    const from = releases === undefined ? [] : ['--from', releases]
    return host.agentMesh('upgrade', '--json', '--program', host.host.program, ...from, ...args)
  }

  #host(name: string): SshHost {
    const host = this.#hosts.get(name)
    if (host === undefined)
      throw new MeshError('not_found', `Cannot deploy ${name}: it is not among the hosts`)
    return host
  }

  #first(role: Host['role']): SshHost {
    const host = [...this.#hosts.values()].find(it => it.host.role === role)
    if (host === undefined) throw new MeshError('not_found', `Cannot deploy: no host is a ${role}`)
    return host
  }
}

/** On the disk of a folder. @throws MeshError unavailable with less than `least` bytes */
async function checkRoomOn(host: SshHost, folder: string, least: number, signal: AbortSignal): Promise<void> {
  const kibibytes = await host.run(`df -Pk ${quoted(folder)} | awk 'NR == 2 { print $4 }'`, signal)
  const free = 1_024 * Number(kibibytes)
  if (free < least) throw tooLittle(`${host.host.name}:${folder}`, free, least)
}

/** Of the program that the last upgrade of a machine replaced; undefined where none is kept. */
const keptVersion = (host: SshHost, signal: AbortSignal): Promise<string | undefined> => {
  const folder = `$(dirname "$(readlink -f ${quoted(host.host.program)})")/.agent-mesh`
  return host.run(`"${folder}/previous" --version`, signal).catch(() => undefined)
}

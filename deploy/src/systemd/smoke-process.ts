/** The new member of a smoke test, as a process beside the service of a machine. */
import { createToken, removeMs, type SmokeMember, type SmokeSettings } from '../smoke-test.ts'
import type { Unit } from '../target.ts'
import { quoted, type SshHost } from './ssh-host.ts'

/** Longer than it drains, s. */
const stopSeconds = 30

export interface SmokeProcessInit {
  /** Of the member, and of its folder. */
  name: string
  /** Where it runs. */
  host: SshHost
  /** Makes the token. */
  controlPlane: SshHost
  /** The machine of a unit. */
  at(unit: string): SshHost
}

export class SmokeProcess implements SmokeMember {
  readonly #init: SmokeProcessInit
  /** In the data folder of the service, which its user alone enters. */
  readonly #folder: string

  constructor(init: SmokeProcessInit) {
    this.#init = init
    this.#folder = `${init.host.host.data}/${init.name}`
  }

  token(signal: AbortSignal): Promise<string> {
    const { controlPlane } = this.#init
    return controlPlane.run(controlPlane.agentMesh(...createToken), signal)
  }

  async start({ token, name, relay }: SmokeSettings, signal: AbortSignal): Promise<void> {
    const { host } = this.#init
    await this.remove()
    const folder = this.#folder
    const relayed = ['--paths', 'relay', '--use-relay', relay, '--no-mdns']
    const joining = ['--json', '--name', name, '--join', `@${folder}/token`]
    const up = host.agentMeshIn(`${folder}/data`, 'up', ...joining, ...relayed)
    await host.run(
      [
        'umask 077',
        `mkdir ${quoted(folder)}`,
        `printf '%s' ${quoted(token)} > ${quoted(`${folder}/token`)}`,
        // Its output keeps no connection open.
        `nohup ${up} < /dev/null > ${quoted(`${folder}/log`)} 2>&1 &`,
        `echo $! > ${quoted(`${folder}/pid`)}`,
      ].join('\n'),
      signal,
    )
  }

  ask(args: readonly string[], signal: AbortSignal): Promise<string> {
    const { host } = this.#init
    return host.run(host.agentMeshIn(`${this.#folder}/data`, ...args), signal)
  }

  askAt({ name }: Unit, args: readonly string[], signal: AbortSignal): Promise<string> {
    const host = this.#init.at(name)
    return host.run(host.agentMesh(...args), signal)
  }

  async leave(signal: AbortSignal): Promise<void> {
    const { host } = this.#init
    const leave = host.agentMeshIn(`${this.#folder}/data`, 'leave', '--yes')
    await host.run(`${this.#stopped()}\n${leave}`, signal)
  }

  async remove(): Promise<void> {
    const script = `${this.#stopped()}\nrm -rf ${quoted(this.#folder)}`
    await this.#init.host.run(script, AbortSignal.timeout(removeMs)).catch(() => {})
  }

  /** Ends the process, if it runs; its number may be that of another one since. */
  #stopped(): string {
    const [file, folder] = [quoted(`${this.#folder}/pid`), quoted(this.#folder)]
    return [
      `pid=$(cat ${file} 2> /dev/null || echo none)`,
      `runs() { tr '\\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -qF -e ${folder}; }`,
      'if runs; then kill -TERM "$pid"; fi',
      `for i in $(seq ${stopSeconds}); do if runs; then sleep 1; fi; done`,
      'if runs; then kill -KILL "$pid"; fi',
    ].join('\n')
  }
}

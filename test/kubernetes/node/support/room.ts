/**
 * Namespaces of this machine for a node of a cluster: processes, mounts and interfaces of their own. The kernel ends all that is in there
 * when its first process ends, which does when this process ends, however that is.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What a kubelet sets for the whole machine; in the room it reads that they are set. */
const tunables: Record<string, string> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
}

export class Room {
  readonly #holder: ChildProcess
  /** Address of this machine, as the room reaches it. */
  readonly outside: string
  /** Its own. */
  readonly inside: string

  private constructor(holder: ChildProcess, outside: string, inside: string) {
    this.#holder = holder
    this.outside = outside
    this.inside = inside
  }

  /** @param folder where its files and those of its /var are @throws Error with what is wrong */
  static async open(folder: string): Promise<Room> {
    for (const each of ['var', 'var.work']) await mkdir(join(folder, each), { recursive: true })
    await writeFile(join(folder, 'room.sh'), await script(folder))
    const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    const holder = spawn('unshare', [...namespaces, 'sh', join(folder, 'room.sh')], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let said = ''
    holder.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const line = once(createInterface({ input: holder.stdout }), 'line')
    const open = await Promise.race([line, once(holder, 'exit').then(() => undefined)])
    if (open === undefined) throw new Error(`the namespaces cannot be made: ${said}`)
    const net = `10.213.${randomInt(256)}`
    const room = new Room(holder, `${net}.1`, `${net}.2`)
    await room.#connect().catch(async (error: unknown) => {
      await room.end()
      throw error
    })
    return room
  }

  /** The command line that runs this one in the room. */
  within(...command: readonly string[]): [file: string, args: string[]] {
    const spaces = `/proc/${this.#holder.pid}/ns`
    const enter = [`--net=${spaces}/net`, `--mount=${spaces}/mnt`, `--pid=${spaces}/pid_for_children`]
    return ['nsenter', [...enter, ...command]]
  }

  /** Runs a command in it to its end. @returns its stdout; rejects with what it says is wrong */
  async run(...command: readonly string[]): Promise<string> {
    const { stdout } = await run(...this.within(...command), { maxBuffer: 64 * 1024 * 1024 })
    return stdout
  }

  /** Ends all in it. */
  async end(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return
    const exited = once(this.#holder, 'exit')
    this.#holder.stdin?.end()
    await exited
  }

  /** A cable between it and this machine, which ends with it. */
  async #connect(): Promise<void> {
    const name = `node-${this.#holder.pid}`
    const peer = ['peer', 'name', 'eth0', 'netns', `${this.#holder.pid}`]
    await run('ip', ['link', 'add', name, 'type', 'veth', ...peer])
    await run('ip', ['address', 'add', `${this.outside}/30`, 'dev', name])
    await run('ip', ['link', 'set', name, 'up'])
    await this.run('ip', 'address', 'add', `${this.inside}/30`, 'dev', 'eth0')
    await this.run('ip', 'link', 'set', 'eth0', 'up')
    await this.run('ip', 'route', 'add', 'default', 'via', this.outside)
  }
}

/** Mounts are shared within the room, as a kubelet needs them, and never leave it. */
async function script(folder: string): Promise<string> {
  const binds: string[] = []
  for (const [name, value] of Object.entries(tunables)) {
    const file = join(folder, name.replaceAll('/', '-'))
    await writeFile(file, `${value}\n`)
    binds.push(`mount --bind ${file} /proc/sys/${name}`)
  }
  return `set -e
mount --make-rshared /
mount -t tmpfs tmpfs /run
mount -t overlay overlay -o lowerdir=/var,upperdir=${folder}/var,workdir=${folder}/var.work /var
${binds.join('\n')}
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo open
cat >/dev/null
`
}

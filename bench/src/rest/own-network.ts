import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

interface LinkStatistics {
  stats64: Record<'rx' | 'tx', { bytes: number }>
}

/**
 * Two network namespaces with a cable between them, whose bytes the kernel counts: one agent, and the hub with all others of its
 * mesh. Members of other meshes announce themselves on each network of this machine, so that it has a cable of its own, to the hub.
 * Needs Linux and root.
 */
export class OwnNetwork {
  readonly #name: string
  /** Address of the hub on the counted cable; this machine reaches it, too. */
  readonly hubAddress: string
  /** Address of the agent. */
  readonly address: string
  /** Put before a command, it runs where the agent does. */
  readonly within: readonly string[]
  /** Put before a command, it runs at the hub. */
  readonly atHub: readonly string[]

  private constructor(name: string, net: number) {
    this.#name = name
    this.hubAddress = `10.213.${net}.5`
    this.address = `10.213.${net}.6`
    this.within = ['ip', 'netns', 'exec', name]
    this.atHub = ['ip', 'netns', 'exec', `${name}-hub`]
  }

  /** @throws Error without root or `ip` */
  static async open(): Promise<OwnNetwork> {
    const net = process.pid % 256
    const network = new OwnNetwork(`rest${process.pid}`, net)
    const name = network.#name
    const hub = `${name}-hub`
    const ip = (line: string) => run('ip', line.split(' '))
    try {
      for (const each of [hub, name]) {
        await ip(`netns add ${each}`)
        await ip(`-n ${each} link set lo up`)
      }
      await ip(`link add ${name} type veth peer name machine netns ${hub}`)
      await ip(`addr add 10.213.${net}.1/30 dev ${name}`)
      await ip(`link set ${name} up`)
      await ip(`-n ${hub} addr add 10.213.${net}.2/30 dev machine`)
      await ip(`-n ${hub} link set machine up`)
      await ip(`route add 10.213.${net}.4/30 via 10.213.${net}.2`)
      await run('ip', [...network.atHub.slice(1), 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
      await ip(`-n ${hub} link add agent type veth peer name lan netns ${name}`)
      await ip(`-n ${hub} addr add ${network.hubAddress}/30 dev agent`)
      await ip(`-n ${hub} link set agent up`)
      await ip(`-n ${name} addr add ${network.address}/30 dev lan`)
      await ip(`-n ${name} link set lan up`)
      await ip(`-n ${name} route add default via ${network.hubAddress}`)
      return network
    } catch (error) {
      await network.end()
      throw error
    }
  }

  /** Bytes on the cable so far, both ways, with all headers. */
  async bytes(): Promise<number> {
    const { stdout } = await run('ip', ['-n', this.#name, '-s', '-j', 'link', 'show', 'lan'])
    const [link] = JSON.parse(stdout) as LinkStatistics[]
    if (link === undefined) throw new Error('Cannot count bytes: the network has no cable')
    return link.stats64.rx.bytes + link.stats64.tx.bytes
  }

  async end(): Promise<void> {
    const names = [this.#name, `${this.#name}-hub`]
    await Promise.all(names.map(name => run('ip', ['netns', 'delete', name])))
  }
}

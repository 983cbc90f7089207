import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A network namespace with one cable to this machine, whose bytes the kernel counts. Needs Linux and root. */
export class OwnNetwork {
  readonly #name: string
  /** Address of this machine on the cable. */
  readonly hostAddress: string
  /** Address within. */
  readonly address: string
  /** Put before a command, it runs within. */
  readonly within: readonly string[]

  private constructor(name: string, net: number) {
    this.#name = name
    this.hostAddress = `10.213.${net}.1`
    this.address = `10.213.${net}.2`
    this.within = ['ip', 'netns', 'exec', name]
  }

  /** @throws Error without root or `ip` */
  static async open(): Promise<OwnNetwork> {
    const net = process.pid % 256
    const network = new OwnNetwork(`rest${process.pid}`, net)
    const name = network.#name
    await run('ip', ['netns', 'add', name])
    try {
      const ip = (...args: string[]) => run('ip', args)
      const inside = (...args: string[]) => run('ip', ['-n', name, ...args])
      await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'lan', 'netns', name)
      await ip('addr', 'add', `${network.hostAddress}/30`, 'dev', name)
      await ip('link', 'set', name, 'up')
      await inside('addr', 'add', `${network.address}/30`, 'dev', 'lan')
      await inside('link', 'set', 'lo', 'up')
      await inside('link', 'set', 'lan', 'up')
      await inside('route', 'add', 'default', 'via', network.hostAddress)
      return network
    } catch (error) {
      await network.end()
      throw error
    }
  }

  /** Bytes on the cable so far, both ways, with all headers. */
  async bytes(): Promise<number> {
    const counts = await Promise.all(
      ['rx_bytes', 'tx_bytes'].map(name =>
        readFile(`/sys/class/net/${this.#name}/statistics/${name}`, 'utf8'),
      ),
    )
    return counts.reduce((sum, count) => sum + Number(count), 0)
  }

  async end(): Promise<void> {
    await run('ip', ['netns', 'delete', this.#name])
  }
}

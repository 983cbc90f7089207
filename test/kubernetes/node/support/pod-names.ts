/** Names of services and of their pods (DNS), in place of those that a cluster has. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const headerBytes = 12
const typeA = 1
const answered = 0x8400
const unknownName = 3

/** @returns the addresses that a name has; none: it is unknown; rejects where the cluster does not say it */
export type Find = (name: string) => Promise<readonly string[]>

export class PodNames {
  readonly #find: Find
  readonly #socket: Socket = createSocket('udp4')
  #ended = false

  private constructor(find: Find) {
    this.#find = find
  }

  /** @param host address at which pods ask */
  static async start(host: string, find: Find): Promise<PodNames> {
    const names = new PodNames(find)
    // A pod that gets no answer asks again.
    names.#socket.on('message', (query, { port, address }) => {
      names.#answer(query, port, address).catch((error: unknown) => console.log('no answer to a pod:', error))
    })
    names.#socket.bind(53, host)
    await once(names.#socket, 'listening')
    names.#socket.on('error', error => console.log('no answer to a pod:', error))
    return names
  }

  async end(): Promise<void> {
    this.#ended = true
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  async #answer(query: Buffer, port: number, address: string): Promise<void> {
    const question = questionOf(query)
    if (question === undefined) return
    const { name, end } = question
    const found = await this.#find(name)
    if (this.#ended) return
    // It may ask for addresses of version 6, of which a name that is known has none.
    const addresses = query.readUInt16BE(end - 4) === typeA ? found : []
    const header = Buffer.alloc(headerBytes)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(answered | (found.length > 0 ? 0 : unknownName), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(addresses.length, 6)
    const answer = Buffer.concat([header, query.subarray(headerBytes, end), ...addresses.map(recordOf)])
    this.#socket.send(answer, port, address)
  }
}

/** Of the one question that resolvers ask; undefined: the query is too short to have one. */
function questionOf(query: Buffer): { name: string; end: number } | undefined {
  const labels: string[] = []
  let at = headerBytes
  for (let length = query[at]; length !== undefined && length > 0; length = query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += 1 + length
  }
  const end = at + 5
  return end > query.length ? undefined : { name: labels.join('.'), end }
}

/** It may be kept for 1 s. */
const recordOf = (address: string): Buffer =>
  Buffer.from([0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)])

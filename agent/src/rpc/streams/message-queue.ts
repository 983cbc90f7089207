import {
  dataFrameCost,
  entrySize,
  entryValue,
  messageValue,
  type BatchFrame,
  type DataFrame,
} from '@agent-mesh/protocol/wire/index'

/** A message, or the rest of a batch, in a buffer of its own. */
export interface OwnMessages extends Pick<DataFrame, 'chunk' | 'start' | 'end' | 'tail'> {
  readonly type: 'own'
  /** Credit that its frames took and that was not given back; of a batch: beside its messages. */
  readonly cost: number
  readonly batch: boolean
}

/** The frame that brought messages is kept as it is: an object less for each. */
type Item = DataFrame | BatchFrame | OwnMessages

const nothing: Buffer = Buffer.alloc(0)

/** Messages that were received and not read. Each is looked at when the program asks for it. */
export class MessageQueue {
  /** Those that were read are undefined. */
  #items: (Item | undefined)[] = []
  /** The first that was not read, and the first that may not be in a buffer of its own. */
  #head = 0
  #owned = 0
  /** Where in the first one the next message begins; -1: none of it was taken. */
  #at = -1
  #ownScheduled = false
  /** The message that was taken. */
  #chunk = nothing
  #start = 0
  #end = 0
  #kind: 'entry' | 'tailed' | 'plain' = 'entry'
  #cost = 0

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  /** What the message that was taken took of the credit. */
  get cost(): number {
    return this.#cost
  }

  add(item: Item): void {
    this.#items.push(item)
  }

  /** Takes the next message: its {@link cost} and its {@link value} can be asked for. @returns false: there is none */
  take(): boolean {
    const item = this.#items[this.#head]
    if (item === undefined) return false
    if (item.type === 'batch' || (item.type === 'own' && item.batch)) this.#takeEntry(item)
    else this.#takeWhole(item)
    return true
  }

  /** Of the message that was taken. Once. @throws MeshError `protocol_error` when it is not JSON */
  value(): unknown {
    const chunk = this.#chunk
    this.#chunk = nothing
    if (this.#kind === 'entry') return entryValue(chunk, this.#start, this.#end)
    return messageValue(chunk, this.#kind === 'tailed', this.#start, this.#end)
  }

  clear(): void {
    this.#items = []
    this.#head = this.#owned = 0
    this.#at = -1
  }

  /** Messages that are not read at once must not keep the whole chunk alive that brought them. */
  ownLater(): void {
    if (this.#ownScheduled) return
    this.#ownScheduled = true
    setImmediate(() => this.#own())
  }

  #takeEntry(item: BatchFrame | OwnMessages): void {
    const { chunk, end } = item
    const first = this.#at === -1
    const at = first ? item.start : this.#at
    const next = at + entrySize(chunk, at)
    this.#chunk = chunk
    this.#start = at
    this.#end = next
    this.#kind = 'entry'
    this.#cost = next - at + (first ? extraOf(item) : 0)
    if (next < end) this.#at = next
    else this.#pass()
  }

  #takeWhole(item: DataFrame | OwnMessages): void {
    this.#chunk = item.chunk
    this.#start = item.start
    this.#end = item.end
    this.#kind = item.tail ? 'tailed' : 'plain'
    this.#cost = item.type === 'own' ? item.cost : item.end - item.start + dataFrameCost
    this.#pass()
  }

  /** All of the first one is taken. */
  #pass(): void {
    this.#items[this.#head] = undefined
    this.#at = -1
    if (++this.#head === this.#items.length) this.clear()
  }

  #own(): void {
    this.#ownScheduled = false
    this.#forgetRead()
    const items = this.#items
    let bytes = 0
    for (let i = this.#owned; i < items.length; i++) bytes += this.#borrowed(i)
    const all = Buffer.allocUnsafeSlow(bytes)
    let at = 0
    for (let i = this.#owned; i < items.length; i++) {
      const item = items[i]
      if (item === undefined || item.type === 'own') continue
      const start = at
      at += item.chunk.copy(all, at, this.#startOf(i, item), item.end)
      items[i] = ownOf(item, all, start, at)
      if (i === this.#head && this.#at !== -1) this.#at = start
    }
    this.#owned = items.length
  }

  /** Bytes that item `i` keeps of a chunk. */
  #borrowed(i: number): number {
    const item = this.#items[i]
    return item === undefined || item.type === 'own' ? 0 : item.end - this.#startOf(i, item)
  }

  #startOf(i: number, item: DataFrame | BatchFrame): number {
    return i === this.#head && this.#at !== -1 ? this.#at : item.start
  }

  /** The list is never empty where messages come faster than they are read. */
  #forgetRead(): void {
    if (this.#head * 2 < this.#items.length) return
    this.#items.splice(0, this.#head)
    this.#owned = Math.max(0, this.#owned - this.#head)
    this.#head = 0
  }
}

/** What a batch takes of the credit beside its messages. */
const extraOf = (item: BatchFrame | OwnMessages): number => (item.type === 'own' ? item.cost : dataFrameCost)

function ownOf(item: DataFrame | BatchFrame, chunk: Buffer, start: number, end: number): OwnMessages {
  if (item.type === 'batch')
    return { type: 'own', chunk, start, end, tail: false, cost: dataFrameCost, batch: true }
  const cost = item.end - item.start + dataFrameCost
  return { type: 'own', chunk, start, end, tail: item.tail, cost, batch: false }
}

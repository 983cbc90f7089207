/**
 * How many bytes of buffers may be made before young objects are collected. V8 marks its whole heap when that, with the buffers outside
 * of it, has grown by so much: 64 MiB in a process that has just started, but 8 to 11 after a collection while it rested.
 */
const mostBytes = 8 * 1024 * 1024
const leastBytes = 2 * 1024 * 1024
/** A collection of the whole heap so soon after another, or after a larger step, is one that smaller steps prevent. */
const soonBytes = 64 * 1024 * 1024
/** Without one for so long, larger steps are tried again. */
const calmBytes = 1024 * 1024 * 1024

export class CollectionStep {
  #step = mostBytes
  #bytes = 0
  /** Since the last collection of the whole heap, or change of the step. */
  #since = soonBytes
  #isCrowded = false

  get bytes(): number {
    return this.#step
  }

  /** Whether the whole heap is collected over and over with the smallest step, too: V8 leaves too little room beside what is alive. */
  get isCrowded(): boolean {
    return this.#isCrowded
  }

  /** @returns whether young objects are to be collected now */
  count(bytes: number): boolean {
    this.#bytes += bytes
    if (this.#bytes < this.#step) return false
    this.#since += this.#bytes
    this.#bytes = 0
    if (this.#since >= calmBytes && this.#step < mostBytes) {
      this.#isCrowded = false
      this.#change(this.#step * 2)
    }
    return true
  }

  /** The whole heap was collected. One that follows another without a step between them has other reasons. */
  onWholeHeap(): void {
    if (this.#since === 0) return
    const isSoon = this.#since < soonBytes
    if (isSoon && this.#step === leastBytes) this.#isCrowded = true
    this.#change(isSoon ? this.#step / 2 : this.#step)
  }

  #change(step: number): void {
    this.#since = 0
    this.#step = Math.min(mostBytes, Math.max(leastBytes, step))
  }
}

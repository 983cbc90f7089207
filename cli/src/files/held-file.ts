import type { FileHandle } from 'node:fs/promises'

import type { BlockSource } from '@agent-mesh/agent'
import { FileSource } from '@agent-mesh/agent/rpc/transfers/file-source'

/** A file that was opened already, as long as it is offered: its name may lead elsewhere by now. */
export class HeldFile implements BlockSource {
  readonly repeatable = true
  readonly name: string
  readonly #source: FileSource
  readonly #handle: FileHandle
  readonly #onClose: () => void

  private constructor(source: FileSource, handle: FileHandle, name: string, onClose: () => void) {
    this.#source = source
    this.#handle = handle
    this.name = name
    this.#onClose = onClose
  }

  /** Owns `handle` from now on. @param onClose it is held no more */
  static async of(handle: FileHandle, name: string, onClose: () => void): Promise<HeldFile> {
    try {
      return new HeldFile(await FileSource.open(`/proc/self/fd/${handle.fd}`), handle, name, onClose)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  get bytes(): number {
    return this.#source.bytes
  }

  blocks(from: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    return this.#source.blocks(from, signal)
  }

  received(): void {}

  close(): void {
    void this.#handle.close()
    this.#onClose()
  }
}

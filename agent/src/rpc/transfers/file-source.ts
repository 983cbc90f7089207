import { open, stat, type FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { MeshError, transferLimits } from '@agent-mesh/protocol'
import type { BigIntStats } from 'node:fs'
import { readFailure } from '../../identity/private-file.ts'
import type { BlockSource } from './block-source.ts'

const { blockBytes, nameChars } = transferLimits

/** A file that must stay as it is while it is offered: it is opened for each reader, and compared before and after. */
export class FileSource implements BlockSource {
  readonly repeatable = true
  readonly name: string
  readonly bytes: number
  readonly #path: string
  readonly #version: string

  private constructor(path: string, stats: BigIntStats) {
    this.#path = path
    this.name = basename(path).slice(0, nameChars)
    this.bytes = Number(stats.size)
    this.#version = versionOf(stats)
  }

  /** @throws MeshError not_found, permission_denied; invalid_argument for what is no file */
  static async open(path: string): Promise<FileSource> {
    const stats = await stat(path, { bigint: true }).catch((cause: unknown) => {
      throw readFailure(`send ${path}`, cause)
    })
    if (!stats.isFile()) throw new MeshError('invalid_argument', `Cannot send ${path}: it is no file`)
    return new FileSource(path, stats)
  }

  async *blocks(from: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    const handle = await open(this.#path).catch((cause: unknown) => {
      throw readFailure(`send ${this.#path}`, cause)
    })
    try {
      await this.#mustBeSame(handle)
      for (let at = from * blockBytes; at < this.bytes; at += blockBytes) {
        signal.throwIfAborted()
        yield await this.#read(handle, at)
      }
      await this.#mustBeSame(handle)
    } finally {
      await handle.close()
    }
  }

  received(): void {}

  close(): void {}

  async #read(handle: FileHandle, at: number): Promise<Buffer> {
    const block = Buffer.allocUnsafeSlow(Math.min(blockBytes, this.bytes - at))
    for (let done = 0; done < block.length;) {
      const { bytesRead } = await handle.read(block, done, block.length - done, at + done)
      if (bytesRead === 0) throw this.#changed()
      done += bytesRead
    }
    return block
  }

  async #mustBeSame(handle: FileHandle): Promise<void> {
    if (versionOf(await handle.stat({ bigint: true })) !== this.#version) throw this.#changed()
  }

  #changed(): MeshError {
    return new MeshError('conflict', `Cannot send ${this.name}: the file has changed since it was offered`, {
      hint: 'Send it again, or a copy that does not change.',
    })
  }
}

/** Another file of the same name, another size or a later write is another version. */
const versionOf = ({ dev, ino, size, mtimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs].join()

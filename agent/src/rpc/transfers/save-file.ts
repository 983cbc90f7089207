/** Saves what is received: beside its place until it is complete and on disk, then under its name. */
import { constants } from 'node:fs'
import { open, rename, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MeshError, transferLimits } from '@agent-mesh/protocol'
import { fileFailure, syncFolder } from '../../identity/private-file.ts'
import { chainAfter, emptyChain } from './block-chain.ts'
import { blockBuffer, fetchBlocks, type FetchBlocksInit, type Place } from './fetch-blocks.ts'

const { blockBytes } = transferLimits

/** Files that are being written by this process. */
const writing = new Set<string>()

/**
 * Writes the blocks to `PATH.part` and renames it once all is on disk. Blocks that an earlier try left there are kept if they
 * are the beginning of what is sent.
 * @returns bytes of the file
 * @throws MeshError unavailable for a full disk, permission_denied, conflict while the file is being saved already; as fetchBlocks
 */
export async function saveFile(
  path: string,
  init: Omit<FetchBlocksInit, 'place' | 'buffer'>,
): Promise<number> {
  const part = `${path}.part`
  if (writing.has(part)) throw new MeshError('conflict', `Cannot save ${path}: it is being saved already`)
  writing.add(part)
  try {
    const handle = await openPart(part, path)
    let bytes: number
    try {
      bytes = await fill(handle, init)
      await handle.truncate(bytes)
      await handle.sync()
    } catch (error) {
      throw saved(path, error)
    } finally {
      await handle.close()
    }
    await rename(part, path).catch((cause: unknown) => {
      throw fileFailure(`save ${path}`, cause)
    })
    await syncFolder(dirname(path))
    return bytes
  } finally {
    writing.delete(part)
  }
}

async function fill(handle: FileHandle, init: Omit<FetchBlocksInit, 'place' | 'buffer'>): Promise<number> {
  const block = blockBuffer()
  const left = await placeOf(handle, block)
  try {
    return await write(handle, init, left, block)
  } catch (error) {
    // What an earlier try left is of another source, or of another version of it.
    if (left.blocks === 0 || !(error instanceof MeshError && error.code === 'conflict')) throw error
    await handle.truncate(0)
    return write(handle, init, { blocks: 0, chain: emptyChain }, block)
  }
}

async function write(
  handle: FileHandle,
  init: Omit<FetchBlocksInit, 'place' | 'buffer'>,
  from: Place,
  block: Buffer,
): Promise<number> {
  const place = { ...from }
  let end = place.blocks * blockBytes
  for await (const bytes of fetchBlocks({ ...init, place, buffer: () => block })) {
    await writeAll(handle, bytes, place.blocks * blockBytes)
    end = place.blocks * blockBytes + bytes.length
  }
  return end
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;)
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
}

/** The whole blocks that a file has. */
async function placeOf(handle: FileHandle, block: Buffer): Promise<Place> {
  const place: Place = { blocks: 0, chain: emptyChain }
  for (;;) {
    const { bytesRead } = await handle.read(block, 0, blockBytes, place.blocks * blockBytes)
    if (bytesRead < blockBytes) return place
    place.blocks++
    place.chain = chainAfter(place.chain, block)
  }
}

async function openPart(part: string, path: string): Promise<FileHandle> {
  try {
    return await openLeft(part)
  } catch {
    return open(part, 'wx+').catch((cause: unknown) => {
      throw fileFailure(`save ${path}`, cause)
    })
  }
}

/** What an earlier try left; no link to another file, which would be overwritten, and nothing that makes its writer wait. */
async function openLeft(part: string): Promise<FileHandle> {
  const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants
  const handle = await open(part, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
  const stats = await handle.stat()
  if (stats.isFile() && stats.nlink === 1) return handle
  await handle.close()
  throw new MeshError('conflict', `Cannot continue ${part}: it is no file of its own`)
}

const saved = (path: string, error: unknown): unknown =>
  error instanceof MeshError ? error : fileFailure(`save ${path}`, error)

/** Saves what is received: beside its place until it is complete and on disk, then under its name. */
import { rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { MeshError, transferLimits } from '@agent-mesh/protocol'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { fileFailure, syncFolder } from '../../identity/private-file.ts'
import { chainAfter, emptyChain } from './block-chain.ts'
import { blockBuffer, fetchBlocks, type FetchBlocksInit, type Place } from './fetch-blocks.ts'
import { isPartName, mustBePartOf, openPart, partOf } from './part-file.ts'

const { blockBytes } = transferLimits

/** Files that are being written by this process. */
const writing = new Set<string>()

/**
 * Writes the blocks to the part of the file (`.NAME.mesh-part`) and renames it once all is on disk. Blocks that an earlier try left
 * there are kept if they are the beginning of what is sent.
 * @returns bytes of the file
 * @throws MeshError unavailable for a full disk, permission_denied, conflict while the file is being saved already, invalid_argument
 * for what is no file and for the name of a part, not_found without a folder for it; as fetchBlocks
 */
export async function saveFile(
  path: string,
  init: Omit<FetchBlocksInit, 'place' | 'buffer'>,
): Promise<number> {
  await checkPlace(path)
  if (isPartName(basename(path)))
    throw new MeshError(
      'invalid_argument',
      `Cannot save ${path}: the name is one of a file that is not complete`,
    )
  const part = partOf(path)
  if (writing.has(part)) throw new MeshError('conflict', `Cannot save ${path}: it is being saved already`)
  writing.add(part)
  try {
    const handle = await openPart(path)
    let bytes: number
    try {
      bytes = await fill(handle, init)
      await handle.truncate(bytes)
      await handle.sync()
      await mustBePartOf(path, handle)
    } catch (error) {
      await tidy(path, handle)
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

/** Removes a part in which nothing could be continued; one of another process stays. */
async function tidy(path: string, handle: FileHandle): Promise<void> {
  try {
    if ((await handle.stat()).size > 0) return
    await mustBePartOf(path, handle)
    await rm(partOf(path), { force: true })
  } catch {
    // What the saving failed with says more.
  }
}

/** What can be known to fail is not fetched first. @throws MeshError invalid_argument */
async function checkPlace(path: unknown): Promise<void> {
  const hint = 'Give the path of a file.'
  if (typeof path !== 'string' || path === '')
    throw invalidArgument('save what is received', `its path is ${shownValue(path)}`, hint)
  const there = await stat(path).catch(() => undefined)
  if (there === undefined || there.isFile()) return
  // The file would take its place: /dev/null would be one for every program of the machine.
  const what = there.isDirectory() ? 'a folder' : 'a device, a pipe or a socket'
  throw invalidArgument(`save ${path}`, `it is ${what}`, hint)
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

const saved = (path: string, error: unknown): unknown =>
  error instanceof MeshError ? error : fileFailure(`save ${path}`, error)

/** The end of a file below an allowed folder, and what is written to it from then on. */
import type { FileHandle } from 'node:fs/promises'

import { sleep } from '@agent-mesh/protocol/timers'

import type { OpenFolder } from './open-folder.ts'

const pieceBytes = 64 * 1024
/** Lines are looked for in so much of the end of a file: a file may have no lines. */
const mostBack = 8 * 1024 * 1024
/** Between two looks at a file, ms. */
const lookMs = 500

export interface TailRequest {
  readonly lines: number
  readonly follow: boolean
}

/**
 * The last lines of a file, then with `follow` what is added. A file that became shorter is read from its beginning, and so is one that
 * has taken the name (log rotation), once the one before was read to its end.
 */
export async function* tailFile(
  folder: OpenFolder,
  name: string,
  { lines, follow }: TailRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer<ArrayBuffer>, void> {
  let file = await folder.openFile(name)
  try {
    let at = await startOfLast(file, lines)
    for (;;) {
      const { size, ino } = await file.stat()
      if (size < at) at = 0
      for await (const piece of piecesOf(file, at, size)) {
        yield piece
        at += piece.length
      }
      if (!follow) return
      const now = await folder.statOf(name).catch(() => undefined)
      if (now !== undefined && now.ino !== ino && now.isFile() && (await file.stat()).size <= at) {
        const next = await folder.openFile(name)
        await file.close()
        file = next
        at = 0
      } else await sleep(lookMs, { signal })
    }
  } finally {
    await file.close()
  }
}

async function* piecesOf(
  file: FileHandle,
  from: number,
  to: number,
): AsyncGenerator<Buffer<ArrayBuffer>, void> {
  for (let at = from; at < to;) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, to - at))
    const { bytesRead } = await file.read(piece, 0, piece.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield piece.subarray(0, bytesRead)
  }
}

/** Where the last lines begin. The end of the last one is no line of its own. */
async function startOfLast(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat()
  if (lines === 0) return size
  let left = lines
  let at = size
  const piece = Buffer.allocUnsafe(pieceBytes)
  while (at > 0 && size - at < mostBack) {
    const from = Math.max(0, at - pieceBytes)
    const { bytesRead } = await file.read(piece, 0, at - from, from)
    for (let index = bytesRead - 1; index >= 0; index--) {
      if (piece[index] !== 0x0a || from + index === size - 1) continue
      left--
      if (left <= 0) return from + index + 1
    }
    at = from
  }
  return at
}

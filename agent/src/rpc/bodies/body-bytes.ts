/** The bytes of a body over the limit of a frame: JSON, then the raw tail. */
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MeshError, type BodyReference } from '@agent-mesh/protocol'
import { FrameBody, type EncodedBody } from '@agent-mesh/protocol/wire/index'
import { untilTaken } from '../pipes/until-taken.ts'
import { bodyDefaults } from './defaults.ts'

export interface BodyPieces {
  /** Bytes of the JSON part. */
  readonly json: number
  readonly bytes: number
  readonly pieces: readonly Buffer[]
}

/** Views on the body; only its JSON is copied. */
export function piecesOf({ json, tail }: EncodedBody): BodyPieces {
  const text = Buffer.from(json ?? '', 'utf8')
  const raw = tail === undefined ? [] : [Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength)]
  return { json: text.length, bytes: text.length + (tail?.byteLength ?? 0), pieces: [text, ...raw] }
}

/** Hexadecimal SHA-256 of all pieces, in turns with other work. @throws the reason of `signal` */
export async function digestOf(pieces: readonly Buffer[], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for (const step of stepsOf(pieces, bodyDefaults.hashedBytes)) {
    hash.update(step)
    await nextTurn()
    signal.throwIfAborted()
  }
  return hash.digest('hex')
}

/** Writes all, then ends the writing side. @throws MeshError path_lost when the reader leaves */
export async function sendPieces(pipe: Duplex, pieces: readonly Buffer[]): Promise<void> {
  pipe.resume()
  for (const step of stepsOf(pieces, bodyDefaults.writtenBytes))
    if (!pipe.write(step)) await untilTaken(pipe, 'drain')
  pipe.end()
  if (!pipe.writableFinished) await untilTaken(pipe, 'finish')
}

/**
 * Reads the body that a reference names. Memory is used as bytes arrive.
 * @throws MeshError protocol_error for other bytes than it names, path_lost, the reason of `signal`
 */
export async function readBody(
  pipe: Duplex,
  { bytes, json, tail, sha256 }: BodyReference,
  signal: AbortSignal,
): Promise<FrameBody> {
  const stop = () => pipe.destroy(signal.reason as Error)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  const hash = createHash('sha256')
  const all = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  try {
    for await (const chunk of pipe as AsyncIterable<Buffer>) {
      if (at + chunk.length > bytes) throw mismatch(`more than ${bytes} bytes came`)
      chunk.copy(all, at)
      hash.update(chunk)
      at += chunk.length
    }
  } finally {
    signal.removeEventListener('abort', stop)
    pipe.destroy()
  }
  if (at < bytes) throw mismatch(`${at} of ${bytes} bytes came`)
  if (hash.digest('hex') !== sha256) throw mismatch('its hash is another')
  return new FrameBody(all, 0, json, bytes, tail)
}

const mismatch = (reason: string): MeshError =>
  new MeshError('protocol_error', `Cannot fetch the body: ${reason}`)

function* stepsOf(pieces: readonly Buffer[], bytes: number): Generator<Buffer> {
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += bytes) yield piece.subarray(at, at + bytes)
}

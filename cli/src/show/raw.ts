/** Bytes and texts on stdout as they are: for files and pipes, as they could steer a terminal. */
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalValue } from '@agent-mesh/protocol/local-value'
import { once } from 'node:events'

import { jsonText } from './output.ts'

/** @throws MeshError invalid_argument when stdout is a terminal */
export function refuseTerminal(what = 'a raw result'): void {
  if (process.stdout.isTTY !== true) return
  throw new MeshError('invalid_argument', `Cannot write ${what}: standard output is a terminal`, {
    hint: 'Write to a file or a pipe: > FILE.',
  })
}

/** Bytes, or a text without quotes, as they are; any other value as a line of JSON. */
export async function writeRaw({ value, bytes }: LocalValue, signal: AbortSignal): Promise<void> {
  if (bytes !== undefined) return write(Buffer.from(bytes, 'base64'), signal)
  if (value !== undefined) await write(typeof value === 'string' ? value : `${jsonText(value)}\n`, signal)
}

/** Resolves when stdout takes more. @throws AbortError */
export async function write(text: string | Uint8Array, signal: AbortSignal): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal })
}

/** How many bytes a text in base64 stands for. */
export const base64Bytes = (text: string): number => Buffer.byteLength(text, 'base64')

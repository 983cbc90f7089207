import type { BatchFrame } from '../frame.ts'
import { entrySize, entryValue } from '../message-batch.ts'

/** The messages of a batch. */
export function* messagesOf({ chunk, start, end }: BatchFrame): Generator<unknown> {
  for (let at = start; at < end;) {
    const next = at + entrySize(chunk, at)
    yield entryValue(chunk, at, next)
    at = next
  }
}

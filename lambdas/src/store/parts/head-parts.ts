import type { AuditOf } from './audit.ts'

/** A part of the head: a signed document with a number of its own that only rises. */
export interface HeadPart {
  name: string
  number: number
  document: string
  writtenAt: number
}

/** Numbered parts of the head (keys, relays, policy, revocations), and the signed head of the audit. */
export interface HeadPartStore {
  readPart(name: string): Promise<HeadPart | undefined>
  readParts(): Promise<HeadPart[]>
  /**
   * Writes the next number where `expected` is stored; 0 means "not there yet".
   * @param number what it gets, above `expected`: after a restore the next one may have been used before.
   * @default expected + 1
   * @throws MeshError conflict with details `{ number }` when another number is stored, invalid_argument for a number
   * that does not rise
   */
  writePart(
    name: string,
    expected: number,
    document: string,
    number?: number,
    audit?: AuditOf<HeadPart>,
  ): Promise<HeadPart>
}

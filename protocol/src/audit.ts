/**
 * The audit log: entries in a hash chain. Each names the hash of the one before it, so nothing can be changed, removed,
 * moved or put in between without breaking the chain; only its end can be cut off, which a reader who remembers a later
 * hash finds. One entry is one line of JSON in its one canonical spelling.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { millisField } from './fields.ts'
import { limits } from './limits.ts'
import { parse } from './parse.ts'

/** Every kind of entry. Readers accept kinds of later versions, too. */
export const auditKinds = [
  /** A member joined; a process wrote it about itself, or the control plane about the member. */
  'join',
  'renew',
  /** Its serial or peer id was revoked. */
  'revoke',
  /** It was removed from the map. */
  'remove',
  /** Its membership ended: by an admin, or by itself. */
  'end',
  'leave',
  /** Its name, tags or region were changed. */
  'amend',
  'policy',
  'token.create',
  'token.revoke',
  'key.rotate',
  'key.revoke',
  /** The control plane's store was restored from a backup. */
  'restore',
  /** The operator vouched for the clock of a control plane that did not agree with its store. */
  'clock.confirm',
  /** A member asked for what the policy does not grant: a call, an admin act, a circuit, a reservation. */
  'denied',
  /** An AI assistant called a method, through the agent of its machine. */
  'tool',
  /** A member read or wrote files of this machine, or ran a program of it, or asked in vain. */
  'files',
  'exec',
  /** The owner of this machine approved tools of an MCP server, or they were when it ran for the first time. */
  'tools.approve',
  /** A connection was not admitted. */
  'refused',
  /** Links to a revoked member were ended. */
  'cut-off',
  /** Two processes use one key. */
  'cloned',
  /** A record of the same incarnation with other bytes. */
  'conflict',
  /** The file of a process: the oldest entries were deleted, the end of the file was damaged, the disk was full. */
  'log.rotated',
  'log.torn',
  'log.lost',
] as const
export type AuditKind = (typeof auditKinds)[number]

/** An event, before it has a place in a chain. */
export interface AuditEvent {
  /** Unix milliseconds. */
  at: number
  /** Peer id of the actor, or a word for an actor without one. */
  who: string
  what: AuditKind
  /** Small JSON; no secrets. */
  detail?: Record<string, unknown>
}

const hashField = z.string().check(z.regex(/^[\w-]{43}$/, { error: 'is not a SHA-256 of base64url' }))

const eventFields = {
  at: millisField,
  who: z.string().check(z.minLength(1), z.maxLength(128)),
  what: z.string().check(z.regex(/^[a-z][a-z.-]{0,31}$/, { error: 'is not a kind of entry' })),
  detail: z.optional(z.record(z.string(), z.unknown())),
}

/** An event that waits for its place in a chain. */
export const auditEventSchema = z.object(eventFields)

/** Strict: an entry has no field that the hash does not cover. */
export const auditEntrySchema = z.strictObject({
  /** From 1 on, without gaps. */
  seq: z.int().check(z.positive()),
  ...eventFields,
  prev: hashField,
  hash: hashField,
})
export type AuditEntry = z.output<typeof auditEntrySchema>

/** A place in a chain. */
export const auditHeadSchema = z.object({ seq: z.int().check(z.nonnegative()), hash: hashField })
export type AuditHead = z.output<typeof auditHeadSchema>

/** Before the first entry. */
export const auditRoot: AuditHead = { seq: 0, hash: 'A'.repeat(43) }

/** JSON with the names of every object in order: the same value is always the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const names = Object.keys(value).sort()
  const fields = names.map(name => `${JSON.stringify(name)}:${canonical((value as never)[name])}`)
  return `{${fields.join(',')}}`
}

const hashOf = ({ seq, at, who, what, detail, prev }: Omit<AuditEntry, 'hash'>): string =>
  createHash('sha256')
    .update(canonical([seq, at, who, what, detail ?? null, prev]))
    .digest('base64url')

/** The entry that follows `head`. @throws MeshError invalid_argument, too_large */
export function nextAuditEntry(head: AuditHead, { at, who, what, detail }: AuditEvent): AuditEntry {
  // As JSON has it: what is hashed must be what is read back.
  const plain = detail === undefined ? undefined : (JSON.parse(JSON.stringify(detail)) as typeof detail)
  const rest = { seq: head.seq + 1, at, who, what, ...(plain && { detail: plain }), prev: head.hash }
  const entry = parse(auditEntrySchema, { ...rest, hash: hashOf(rest) }, 'write audit entry')
  formatAuditLine(entry)
  return entry
}

/** Whether an event fits an entry at every place. @throws MeshError invalid_argument, too_large */
export const checkAuditEvent = (event: AuditEvent): void =>
  void nextAuditEntry({ ...auditRoot, seq: Number.MAX_SAFE_INTEGER - 1 }, event)

/** One line, without its end. @throws MeshError too_large */
export function formatAuditLine({ seq, at, who, what, detail, prev, hash }: AuditEntry): string {
  const line = JSON.stringify({
    seq,
    at,
    who,
    what,
    ...(detail && { detail: JSON.parse(canonical(detail)) as object }),
    prev,
    hash,
  })
  if (line.length <= limits.auditLineChars) return line
  const size = `${line.length} characters, limit ${limits.auditLineChars}`
  throw new MeshError('too_large', `Cannot write audit entry ${what}: ${size}`)
}

/** Reads one line; refuses other spellings of the same entry. @throws MeshError invalid_argument, too_large */
export function parseAuditLine(line: string): AuditEntry {
  const action = 'read audit entry'
  if (line.length > limits.auditLineChars)
    throw new MeshError('too_large', `Cannot ${action}: ${line.length} characters`)
  try {
    const entry = parse(auditEntrySchema, JSON.parse(line), action)
    if (formatAuditLine(entry) === line) return entry
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError('invalid_argument', `Cannot ${action}: not JSON`, { cause })
  }
  throw new MeshError('invalid_argument', `Cannot ${action}: not in its canonical spelling`)
}

/** The first thing that is wrong with a chain. */
export interface AuditBreak {
  seq: number
  why: 'gap' | 'altered' | 'reordered' | 'truncated'
  reason: string
}

export interface AuditVerifierInit {
  /** What came before the first entry; `any`: the first one given is taken as it is. @default the root */
  from?: AuditHead | 'any'
  /** Places that are known from before: the chain must still go through each of them. */
  known?: AuditHead | readonly AuditHead[]
}

/** Checks a chain entry by entry, in constant memory. */
export class AuditVerifier {
  /** Hashes by number. */
  readonly #known: ReadonlyMap<number, string>
  #head: AuditHead | undefined

  constructor({ from = auditRoot, known = [] }: AuditVerifierInit = {}) {
    this.#known = new Map([known].flat().map(({ seq, hash }) => [seq, hash]))
    this.#head = from === 'any' ? undefined : from
  }

  /** The last good entry. */
  get head(): AuditHead {
    return this.#head ?? auditRoot
  }

  /** @returns what is wrong; what follows a break proves nothing */
  add(entry: AuditEntry): AuditBreak | undefined {
    const { seq, hash } = entry
    // Whatever `after` is, the first entry may follow a known place only if it names its hash.
    const before = this.#head ?? { seq: seq - 1, hash: this.#known.get(seq - 1) ?? entry.prev }
    const broken = (why: AuditBreak['why'], reason: string): AuditBreak => ({ seq, why, reason })
    if (seq > before.seq + 1)
      return { seq: before.seq + 1, why: 'gap', reason: `${before.seq + 1} to ${seq - 1} are missing` }
    if (seq <= before.seq) return broken('reordered', `it stands after ${before.seq}`)
    if (hashOf(entry) !== hash) return broken('altered', 'its hash is not of what it says')
    if (entry.prev !== before.hash)
      return broken('altered', `it was written after another ${before.seq} than the one before it`)
    if ((this.#known.get(seq) ?? hash) !== hash) return broken('altered', 'its hash was another before')
    this.#head = { seq, hash }
    return undefined
  }

  /** To be called after the last entry. */
  end(): AuditBreak | undefined {
    const { seq } = this.head
    const most = Math.max(0, ...this.#known.keys())
    if (most <= seq) return undefined
    const reason = `it ends after ${seq}, and had ${most} before`
    return { seq: seq + 1, why: 'truncated', reason }
  }
}

/** Checks a whole chain. @returns the first thing that is wrong */
export function verifyAuditChain(
  entries: Iterable<AuditEntry>,
  init: AuditVerifierInit = {},
): AuditBreak | undefined {
  const verifier = new AuditVerifier(init)
  for (const entry of entries) {
    const broken = verifier.add(entry)
    if (broken !== undefined) return broken
  }
  return verifier.end()
}

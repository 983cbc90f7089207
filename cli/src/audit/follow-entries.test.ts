import { auditRoot, MeshError, nextAuditEntry, type AuditEntry } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import type { AuditFrom } from './audit-source.ts'
import { followEntries, type FollowOptions } from './follow-entries.ts'

const entry = (seq: number): AuditEntry =>
  nextAuditEntry({ ...auditRoot, seq: seq - 1 }, { at: seq, who: 'ada', what: 'join' })

type Look = (from: AuditFrom, signal: AbortSignal) => AsyncIterable<AuditEntry>

/** Follows a log that answers each look with the next of `looks`, and ends with the last one. */
function followed(looks: readonly Look[], options: Partial<FollowOptions> = {}) {
  const end = new AbortController()
  const troubles: string[] = []
  const asked: AuditFrom[] = []
  const source = {
    entries(from: AuditFrom, signal: AbortSignal) {
      const look = looks[asked.push(from) - 1]
      if (look !== undefined) return look(from, signal)
      end.abort()
      return answer()
    },
  }
  const entries = followEntries(source, {
    after: 1,
    signal: end.signal,
    onTrouble: ({ code }) => troubles.push(code),
    everyMs: 1,
    ...options,
  })
  return { entries, troubles, asked, end }
}

async function* answer(...seqs: number[]): AsyncGenerator<AuditEntry> {
  for (const seq of seqs) yield entry(seq)
}

async function seqsOf(entries: AsyncIterable<AuditEntry>): Promise<number[]> {
  const seqs: number[] = []
  for await (const { seq } of entries) seqs.push(seq)
  return seqs
}

const fail = (code: 'unavailable' | 'permission_denied', ...seqs: number[]) =>
  async function* (): AsyncGenerator<AuditEntry> {
    yield* answer(...seqs)
    throw new MeshError(code, 'Cannot ask: it is away')
  }

describe('following an audit log', () => {
  it('asks for what comes after the last entry it has seen, also where a page broke off', async () => {
    const { entries, asked } = followed([() => answer(2, 3), fail('unavailable', 4), () => answer(5)])
    expect(await seqsOf(entries)).toEqual([2, 3, 4, 5])
    expect(asked).toEqual([{ after: 1 }, { after: 3 }, { after: 4 }, { after: 5 }])
  })

  it('tells a trouble once, and again when it comes back', async () => {
    const away = fail('unavailable')
    const { entries, troubles } = followed([away, away, () => answer(2), away])
    expect(await seqsOf(entries)).toEqual([2])
    expect(troubles).toEqual(['unavailable', 'unavailable'])
  })

  it('ends with what does not pass by itself', async () => {
    const { entries, troubles } = followed([fail('permission_denied')])
    await expect(entries.next()).rejects.toMatchObject({ code: 'permission_denied' })
    expect(troubles).toEqual([])
  })

  it('ends without an error in the middle of a question that nobody answers', async () => {
    const hang: Look = async function* (_, signal) {
      end.abort()
      signal.throwIfAborted()
      yield* answer()
    }
    const { entries, end, troubles } = followed([hang])
    expect(await entries.next()).toEqual({ done: true, value: undefined })
    expect(troubles).toEqual([])
  })
})

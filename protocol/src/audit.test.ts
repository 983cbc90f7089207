import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AuditVerifier,
  auditRoot,
  formatAuditLine,
  nextAuditEntry,
  parseAuditLine,
  verifyAuditChain,
  type AuditEntry,
  type AuditHead,
} from './audit.ts'
import { limits } from './limits.ts'

function chainOf(details: readonly (Record<string, unknown> | undefined)[]): AuditEntry[] {
  let head: AuditHead = auditRoot
  return details.map((detail, i) => {
    const event = { at: 1_000 + i, who: 'admin', what: 'policy' as const, ...(detail && { detail }) }
    const entry = nextAuditEntry(head, event)
    head = entry
    return entry
  })
}

const detail = fc.option(fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue(), { maxKeys: 4 }), {
  nil: undefined,
})
const chain = fc.array(detail, { minLength: 3, maxLength: 12 }).map(chainOf)
const withIndex = chain.chain(entries => fc.tuple(fc.constant(entries), fc.nat({ max: entries.length - 2 })))
const other = (hash: string): string => `${hash.startsWith('B') ? 'C' : 'B'}${hash.slice(1)}`

describe('a chain of audit entries', () => {
  it('verifies as it was written, and after a way through its lines', () => {
    fc.assert(
      fc.property(chain, entries => {
        const read = entries.map(entry => parseAuditLine(formatAuditLine(entry)))
        expect(verifyAuditChain(read)).toBeUndefined()
        expect(verifyAuditChain(read, { known: read.at(-1) ?? auditRoot })).toBeUndefined()
      }),
    )
  })

  it('tells any changed field, be its hash made to fit or not', () => {
    const change = fc.constantFrom('at', 'who', 'what', 'detail', 'prev', 'hash')
    fc.assert(
      fc.property(withIndex, change, fc.boolean(), ([entries, i], field, forged) => {
        const before = entries[i] as AuditEntry
        const changed = {
          at: { at: before.at + 1 },
          who: { who: `${before.who}x` },
          what: { what: 'revoke' },
          detail: { detail: { ...before.detail, added: 1 } },
          prev: { prev: other(before.prev) },
          hash: { hash: other(before.hash) },
        }[field]
        const { prev, ...event } = { ...before, ...changed } as AuditEntry
        const fitting = nextAuditEntry({ seq: before.seq - 1, hash: prev }, event as never)
        const put = forged && field !== 'hash' ? fitting : ({ ...before, ...changed } as AuditEntry)
        const broken = verifyAuditChain(entries.with(i, put))
        expect(broken?.why).toBe('altered')
        expect([before.seq, before.seq + 1]).toContain(broken?.seq)
      }),
    )
  })

  it('tells a removed entry', () => {
    fc.assert(
      fc.property(withIndex, ([entries, i]) => {
        const broken = verifyAuditChain(entries.toSpliced(i, 1))
        expect(broken).toMatchObject({ seq: i + 1, why: 'gap' })
      }),
    )
  })

  it('tells entries that changed places', () => {
    fc.assert(
      fc.property(withIndex, fc.nat(), ([entries, i], n) => {
        const j = i + 1 + (n % (entries.length - i - 1))
        const moved = entries.with(i, entries[j] as AuditEntry).with(j, entries[i] as AuditEntry)
        expect(verifyAuditChain(moved)).toMatchObject({ seq: i + 1, why: 'gap' })
        const repeated = entries.toSpliced(j, 0, entries[i] as AuditEntry)
        expect(verifyAuditChain(repeated)).toMatchObject({ seq: i + 1, why: 'reordered' })
      }),
    )
  })

  it('tells an entry put in between', () => {
    fc.assert(
      fc.property(withIndex, ([entries, i]) => {
        const before = entries[i] as AuditEntry
        const added = nextAuditEntry(before, { at: before.at, who: 'mallory', what: 'join' })
        const following = entries.slice(i + 1).map(entry => ({ ...entry, seq: entry.seq + 1 }))
        expect(verifyAuditChain([...entries.slice(0, i + 1), added, ...following])?.why).toBe('altered')
        expect(verifyAuditChain(entries.toSpliced(i + 1, 0, added))?.why).toMatch(/altered|reordered/)
      }),
    )
  })

  it('tells that its end was cut off or written anew, when a later place is known', () => {
    const entries = chainOf([undefined, { a: 1 }, { b: 2 }])
    const known = entries[2] as AuditEntry
    expect(verifyAuditChain(entries.slice(0, 2), { known })).toMatchObject({ seq: 3, why: 'truncated' })
    const anew = chainOf([undefined, { a: 1 }, { b: 3 }])
    expect(verifyAuditChain(anew, { known })).toMatchObject({ seq: 3, why: 'altered' })
    expect(verifyAuditChain([], { known })).toMatchObject({ why: 'truncated' })
  })

  it('tells that what follows a known place was written anew, although all before it is gone', () => {
    const [, known, next] = chainOf([undefined, { a: 1 }, { b: 2 }]) as [unknown, AuditEntry, AuditEntry]
    expect(verifyAuditChain([next], { from: 'any', known })).toBeUndefined()
    const forged = nextAuditEntry(
      { seq: known.seq, hash: auditRoot.hash },
      { at: 1, who: 'admin', what: 'policy' },
    )
    expect(verifyAuditChain([forged], { from: 'any', known })).toMatchObject({ seq: 3, why: 'altered' })
  })

  it('is checked piece by piece, and from the middle on', () => {
    const entries = chainOf([undefined, { a: 1 }, { b: 2 }, undefined])
    const first = new AuditVerifier()
    for (const entry of entries.slice(0, 2)) expect(first.add(entry)).toBeUndefined()
    expect(verifyAuditChain(entries.slice(2), { from: first.head })).toBeUndefined()
    expect(verifyAuditChain(entries.slice(2), { from: 'any' })).toBeUndefined()
    expect(verifyAuditChain(entries.slice(2))).toMatchObject({ seq: 1, why: 'gap' })
  })
})

describe('a line of the audit log', () => {
  it('is refused in any other spelling: who reads with grep sees what was hashed', () => {
    const [entry] = chainOf([{ b: 1, a: { d: 2, c: [3] } }])
    const line = formatAuditLine(entry as AuditEntry)
    expect(parseAuditLine(line)).toEqual(entry)
    for (const spelled of [
      line.replace('"seq":1', '"seq": 1'),
      line.replace('"who"', '"who":"mallory","who"'),
      line.replace('"admin"', '"\\u0061dmin"'),
      line.replace('{"seq"', '{"note":"x","seq"'),
      line.slice(0, -1),
      '',
      'null',
    ])
      expect(() => parseAuditLine(spelled)).toThrow(/^Cannot read audit entry/)
  })

  it('holds no more than it may', () => {
    const detail = { text: 'x'.repeat(limits.auditLineChars) }
    const event = { at: 1, who: 'admin', what: 'policy' as const, detail }
    expect(() => nextAuditEntry(auditRoot, event)).toThrow(/limit/)
    expect(() => parseAuditLine('x'.repeat(limits.auditLineChars + 1))).toThrow(/characters/)
  })
})

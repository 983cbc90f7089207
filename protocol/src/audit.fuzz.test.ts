import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fuzzRuns, hostileText } from '../../test/support/hostile-input.ts'
import { refusal } from '../../test/support/refusal.ts'
import { auditRoot, formatAuditLine, nextAuditEntry, parseAuditLine, verifyAuditChain } from './audit.ts'

const entry = nextAuditEntry(auditRoot, {
  at: 1_000,
  who: 'admin',
  what: 'denied',
  detail: { to: 'service:math.add', count: 2 },
})
const line = formatAuditLine(entry)

it('reading an audit line of any text throws nothing but MeshError, and what it takes is in the chain or told', () =>
  fc.assert(
    fc.asyncProperty(hostileText([line]), async text => {
      const answer = await refusal(() => parseAuditLine(text))
      if (answer !== 'accepted') {
        expect(answer.length).toBeLessThan(400)
        return
      }
      const read = parseAuditLine(text)
      expect(formatAuditLine(read)).toBe(text)
      expect(verifyAuditChain([read]) === undefined).toBe(text === line)
    }),
    { numRuns: fuzzRuns },
  ))

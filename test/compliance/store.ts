/** The suite every store adapter passes. Adapters differ in `setup` alone. */
import { describe } from 'vitest'
import { auditSuite } from './store-audit.ts'
import { auditedChangesSuite } from './store-audited-changes.ts'
import { directorySuite } from './store-directory.ts'
import { enrolmentSuite } from './store-enrolment.ts'
import type { StoreSetup } from './store-fixture.ts'
import { healthSuite } from './store-health.ts'
import { ledgerSuite } from './store-ledger.ts'
import { membershipSuite } from './store-memberships.ts'
import { offlineSuite } from './store-offline.ts'
import { presenceSuite } from './store-presence.ts'
import { timeSuite } from './store-time.ts'

export function storeCompliance(name: string, common: StoreSetup): void {
  describe(`store on ${name}`, () => {
    ledgerSuite(common)
    timeSuite(common)
    auditSuite(common)
    auditedChangesSuite(common)
    enrolmentSuite(common)
    membershipSuite(common)
    directorySuite(common)
    presenceSuite(common)
    offlineSuite(common)
    healthSuite(common)
  })
}

/** The conformance suite of the protocol against the client with which an agent asks MCP servers. */
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'

import { conformance, installConformance } from './conformance.ts'

const command = `${process.execPath} ${join(import.meta.dirname, 'client-under-test.ts')}`

beforeAll(installConformance)

/**
 * The other scenarios are of features that it does not have: it speaks to processes, not HTTP, and so has neither authorization nor
 * headers of its own; and it asks neither person nor model for a server.
 */
it.each([
  ['initialize', '2025-11-25'],
  ['tools_call', '2025-11-25'],
  ['json-schema-2020-12-preservation', '2025-11-25'],
  ['tools_call', '2026-07-28'],
  ['request-metadata', '2026-07-28'],
  ['json-schema-ref-no-deref', '2026-07-28'],
])('%s of revision %s holds', async (scenario, revision) => {
  const which = ['--scenario', scenario, '--spec-version', revision, '--timeout', '120000']
  const { code, said } = await conformance(['client', '--command', command, ...which])
  expect(code, said.slice(-6_000)).toBe(0)
})

/** What an admin does on the page: tokens, revocation, policy, audit. Each act is signed here and audited by the control plane. */
import { createTokenRequest, tokenIdField } from '@agent-mesh/protocol/api/tokens'
import { revokeRequest } from '@agent-mesh/protocol/api/revocations'
import { writePolicyRequest } from '@agent-mesh/protocol/api/policy'
import type { AuditEntry } from '@agent-mesh/protocol/audit'
import { MeshError } from '@agent-mesh/protocol/errors'
import { actions } from '@agent-mesh/protocol/policy'
import * as z from 'zod/mini'

import { auditSources, type AuditPlace } from '../audit/audit-source.ts'
import { explainFor } from '../data/policy-file.ts'
import { allTokens, tokenForPrograms } from '../data/tokens.ts'
import { json, type HandledRequest, type Routes } from '../local/handler-server.ts'
import { parseExact } from '../local/parse-exact.ts'
import type { LiveMembers } from './live-members.ts'
import { queried } from './page-app.ts'
import { pageDefaults } from './page-defaults.ts'
import { adminOf, type PageSource } from './page-source.ts'

const revokeTokenRequest = z.strictObject({ id: tokenIdField })
const text = z.string().check(z.minLength(1), z.maxLength(128))
const explainRequest = z.strictObject({ who: text, action: z.enum(actions), target: text })

const bodyOf = async <S extends z.core.$ZodType>(
  { text }: HandledRequest,
  schema: S,
  what: string,
): Promise<z.output<S>> => parseExact(schema, await text(), `read ${what}`, 'request')

export function adminRoutes(source: PageSource, live: LiveMembers): Routes {
  const admin = (action: string) => adminOf(source, action)
  const write = async (request: HandledRequest, dryRun: boolean) => {
    const asked = await bodyOf(request, writePolicyRequest, 'the policy')
    const options = dryRun ? { dryRun, limit: pageDefaults.policyChanges } : {}
    return json(await admin('write the policy').writePolicy(asked, options, request.signal))
  }
  return {
    'GET /api/tokens': async ({ signal }) => {
      const tokens = await allTokens(admin('list tokens'), signal)
      return json({ tokens: tokens.map(tokenForPrograms).reverse() })
    },
    'POST /api/tokens/create': async request => {
      const asked = await bodyOf(request, createTokenRequest, 'the token')
      return json(await admin('create a token').createToken(asked, request.signal))
    },
    'POST /api/tokens/revoke': async request => {
      const { id } = await bodyOf(request, revokeTokenRequest, 'the token')
      await admin('revoke a token').revokeToken(id, request.signal)
      return json({ id })
    },
    'POST /api/revoke': async request => {
      const asked = await bodyOf(request, revokeRequest, 'the member')
      const revoked = await admin('revoke a member').revoke(asked, request.signal)
      live.changed()
      return json(revoked)
    },
    'GET /api/policy': async ({ signal }) => json(await admin('read the policy').policy(signal)),
    'POST /api/policy/explain': async request => {
      const asked = await bodyOf(request, explainRequest, 'the question')
      return json(await explainFor(admin('explain the policy'), asked, request.signal))
    },
    'POST /api/policy/dry-run': request => write(request, true),
    'POST /api/policy/write': request => write(request, false),
    'GET /api/audit': async request => json({ entries: await newestEntries(source, request) }),
  }
}

/** The newest first. @throws MeshError not_found when there is no such log, invalid_argument for a place of none */
async function newestEntries(source: PageSource, request: HandledRequest): Promise<AuditEntry[]> {
  const where = queried(request, 'where')
  const last = pageDefaults.auditEntries
  if (where === ('control-plane' satisfies AuditPlace)) {
    const admin = adminOf(source, 'read the audit log')
    const { entries } = await admin.audit({ last }, request.signal)
    return entries.toReversed()
  }
  if (where !== ('local' satisfies AuditPlace))
    throw new MeshError('invalid_argument', `Cannot read the audit log: '${where}' is no place of one`)
  const [log] = await auditSources(source.agentFolder, undefined, 'local')
  const found: AuditEntry[] = []
  for await (const entry of log!.entries({ last }, request.signal)) found.push(entry)
  return found.reverse()
}

import { openMemberStore } from '@agent-mesh/agent/membership/member-store'
import { parseJson } from '@agent-mesh/protocol/parse'
import { join } from 'node:path'
import * as z from 'zod/mini'

export type MemberKind = 'agent' | 'relay'

const claimsSchema = z.looseObject({ roles: z.array(z.string()) })

/** By the roles of the credential in a data folder, which are shown and not trusted; undefined before a join. */
export function memberKind(folder: string): MemberKind | undefined {
  try {
    const store = openMemberStore(join(folder, 'member.db'))
    try {
      const [, payload = ''] = store.get('credential')?.split('.') ?? []
      const { roles } = parseJson(claimsSchema, Buffer.from(payload, 'base64url').toString(), 'read roles')
      return roles.includes('relay') ? 'relay' : roles.includes('agent') ? 'agent' : undefined
    } finally {
      store.close()
    }
  } catch {
    return undefined
  }
}

import {
  createTokenRequest,
  formatJoinToken,
  MeshError,
  parse,
  type AuditKind,
  type CreateTokenRequest,
  type TokenView,
  unlimitedUses,
  usesOf,
} from '@agent-mesh/protocol'
import type { Token } from '../store/parts/tokens.ts'
import type { EnrolmentStore } from '../store/parts/enrolments.ts'
import type { AuditOf } from '../store/parts/audit.ts'
import { tokenId } from '../store/token-id.ts'
import type { MeshParts } from './mesh-context.ts'
import { hashOfSecret, randomSecret } from './secrets.ts'

export interface JoinTokens {
  /**
   * The token is returned this once only. @param by the member that makes it, for the audit
   * @throws MeshError invalid_argument, conflict for a name that is taken
   */
  create(request: CreateTokenRequest, by: string): Promise<{ token: string; view: TokenView }>
  list(page: { cursor?: string; limit: number }): Promise<{ tokens: TokenView[]; next?: string }>
  /** Idempotent. @throws MeshError not_found */
  revoke(id: string, by: string): Promise<void>
}

const viewOf = ({ hash, revokedAt, createdBy: _, replacedPeer: __, ...token }: Token): TokenView => ({
  id: tokenId(hash),
  ...token,
  revoked: revokedAt !== undefined,
})

/** What a token permits, without its secret; `uses` is absent without a limit, and so is each field that was not set. */
const auditedToken = ({ hash, uses, roles, tags, name, region, ephemeral, replace }: Token) => ({
  id: tokenId(hash),
  ...(uses === unlimitedUses ? {} : { uses }),
  roles,
  ...(tags.length === 0 ? {} : { tags }),
  ...(name === undefined ? {} : { name }),
  ...(region === undefined ? {} : { region }),
  ...(ephemeral ? { ephemeral } : {}),
  ...(replace === true ? { replace } : {}),
})

/** The member would get another name than the token has. @throws MeshError conflict */
async function refuseTaken(enrolments: Pick<EnrolmentStore, 'findEnrolment'>, name: string): Promise<void> {
  const holder = await enrolments.findEnrolment({ name })
  if (holder === undefined) return
  const state = holder.revokedAt === undefined ? '' : ', which was revoked'
  throw new MeshError(
    'conflict',
    `Cannot create join token: the name ${name} is held by ${holder.peerId}${state}`,
    {
      hint: `To give it to a new machine: token create --name ${name} --replace. Else fix another name, or none: the member then gets the name it asks for, with a number when that is taken.`,
    },
  )
}

export function joinTokens({
  store,
  clock,
  meshId,
  publicUrl,
}: MeshParts<'clock' | 'meshId' | 'publicUrl', 'tokens' | 'enrolments'>): JoinTokens {
  const auditOf =
    (who: string, what: AuditKind): AuditOf<Token> =>
    token => ({ at: clock.now(), who, what, detail: auditedToken(token) })

  return {
    create: async (request, by) => {
      const parsed = parse(createTokenRequest, request, 'create join token')
      const { expiresIn, name, region, note, replace, ...rest } = parsed
      if (name !== undefined && replace !== true) await refuseTaken(store.enrolments, name)
      const secret = randomSecret()
      const token = formatJoinToken({ url: publicUrl, meshId, secret })
      const createdAt = clock.now()
      const created = {
        ...rest,
        uses: usesOf(parsed),
        hash: hashOfSecret(Buffer.from(secret).toString('base64url')),
        ...(name === undefined ? {} : { name }),
        ...(region === undefined ? {} : { region }),
        ...(note === undefined ? {} : { note }),
        ...(replace === true ? { replace } : {}),
        createdAt,
        createdBy: by,
        expiresAt: createdAt + expiresIn * 1000,
      }
      const view = viewOf(await store.tokens.createToken(created, auditOf(by, 'token.create')))
      return { token, view }
    },

    list: async ({ cursor, limit }) => {
      const tokens = await store.tokens.listTokens({
        ...(cursor === undefined ? {} : { after: cursor }),
        limit,
      })
      const last = tokens.at(-1)
      const views = tokens.map(viewOf)
      return last === undefined || tokens.length < limit
        ? { tokens: views }
        : { tokens: views, next: tokenId(last.hash) }
    },

    revoke: async (id, by) => {
      await store.tokens.revokeToken(id, auditOf(by, 'token.revoke'))
    },
  }
}

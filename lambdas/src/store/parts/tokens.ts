import type { AuditOf } from './audit.ts'

/** A join token. Its secret is never stored. */
export interface Token {
  /** SHA-256 of the secret, base64url; its first 16 characters are the `id` that people use. */
  hash: string
  /** Name the member will get; only for tokens of one use. */
  name?: string
  roles: string[]
  tags: string[]
  region?: string
  /** Its members are removed soon after they go offline. */
  ephemeral: boolean
  uses: number
  left: number
  createdAt: number
  createdBy: string
  expiresAt: number
  revokedAt?: number
  /** Purpose, as its creator wrote it. */
  note?: string
  /** When the token is redeemed, the member that holds its name loses it. */
  replace?: boolean
  /** Serial of the enrolment that it ended. */
  replaced?: string
  /** Peer id of that enrolment. */
  replacedPeer?: string
}

export type NewToken = Omit<Token, 'left' | 'revokedAt' | 'replaced' | 'replacedPeer'>

export interface TokenStore {
  createToken(token: NewToken, audit?: AuditOf<Token>): Promise<Token>
  /** In order of id, `after` excluded. Expired and revoked ones too. */
  listTokens(page: { after?: string; limit: number }): Promise<Token[]>
  /** Idempotent. @throws MeshError not_found */
  revokeToken(id: string, audit?: AuditOf<Token>): Promise<Token>
}

import type { StoreParts } from '../store.ts'

const day = 24 * 3600_000

/** Enrols members `m-0`, `m-1`, ... in a store. @param size bytes of each pair, half of them the record */
export async function addMembers(
  { tokens, enrolments, directory }: Pick<StoreParts, 'tokens' | 'enrolments' | 'directory'>,
  { count, size = 100, now }: { count: number; size?: number; now: number },
): Promise<void> {
  const expiresAt = now + 21 * day
  const token = { hash: 'hash', roles: ['agent'], tags: [], ephemeral: false, createdBy: 'admin' }
  await tokens.createToken({ ...token, uses: count, createdAt: now, expiresAt })
  for (let i = 0; i < count; i++) {
    const member = { peerId: `m-${i}`, serial: `m-${i}` }
    await enrolments.redeem({ ...member, tokenHash: token.hash, requestedName: member.peerId, expiresAt })
    await enrolments.recordCredential({ ...member, credential: 'c'.repeat(size / 2), expiresAt })
    await directory.putMember({ ...member, incarnation: 1, record: 'r'.repeat(size / 2), services: [] })
  }
}

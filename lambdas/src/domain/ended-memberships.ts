/** Keys that are not enrolled: how their membership ended by the signed list, and how they are refused. */
import {
  endedOf,
  limits,
  MeshError,
  revocationsSchema,
  verifyDocument,
  type EndedMembership,
} from '@agent-mesh/protocol'
import type { HeadService } from './head.ts'
import type { MeshContext } from './mesh-context.ts'

export interface EndedMemberships {
  /**
   * The refusal of a key that is not enrolled: `unauthenticated` with details `{ ended }`, `removed` or `replaced`, if the list
   * has it; else `{ enrolled: false }`. Never rejects.
   */
  refusal(peerId: string, action: string): Promise<MeshError>
}

const joinAgain = 'Join with a new token (agent-mesh up or relay, --join TOKEN)'

export function endedMemberships(
  { keys }: Pick<MeshContext, 'keys'>,
  head: Pick<HeadService, 'signed'>,
): EndedMemberships {
  let read = { document: '', byPeer: new Map<string, EndedMembership>() }

  const readAgain = async (document: string): Promise<typeof read> => {
    const { claims } = await verifyDocument(document, {
      typ: 'revocations+jws',
      schema: revocationsSchema,
      maxBytes: limits.documentBytes,
      keyOf: kid => keys.keyOf(kid),
    })
    return { document, byPeer: new Map(endedOf(claims).map(ended => [ended.peerId, ended])) }
  }

  const find = async (peerId: string): Promise<EndedMembership | undefined> => {
    try {
      const { revocations } = await head.signed()
      if (revocations !== read.document) read = await readAgain(revocations)
      return read.byPeer.get(peerId)
    } catch {
      // The caller is refused in both cases.
      return undefined
    }
  }

  return {
    refusal: async (peerId, action) => {
      const how = (await find(peerId))?.how
      if (how !== undefined)
        return new MeshError('unauthenticated', `Cannot ${action}: ${peerId} was ${how}`, {
          hint: `${joinAgain}: the key may.`,
          details: { ended: how },
        })
      return new MeshError('unauthenticated', `Cannot ${action}: ${peerId} is not a member of this mesh`, {
        hint: `${joinAgain}. A member left or lapsed, or joined after a backup that the control plane was restored from.`,
        details: { enrolled: false },
      })
    },
  }
}

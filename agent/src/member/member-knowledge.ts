/** The first half of a start: identity, enrolment, and all that is known before the first connection. */
import { join } from 'node:path'
import { MeshError, type CredentialClaims } from '@agent-mesh/protocol'
import { AskingPace } from '../discovery/asking-pace.ts'
import { controlPlaneClient } from '../discovery/control-plane-client.ts'
import { credentialKeeper } from '../discovery/credential-keeper.ts'
import { outageLog } from '../discovery/outage-log.ts'
import { openIdentity, ownFolder } from '../identity/index.ts'
import { headKeeper } from '../membership/head-keeper.ts'
import { openMemberStore } from '../membership/member-store.ts'
import { openMeshMap } from '../membership/mesh-map.ts'
import { systemClock } from '../observe/clock.ts'
import { memberMetrics } from '../observe/member-metrics.ts'
import { checkStart, forgetMember, joinOnce, NotJoinedError } from './joining.ts'
import { forgetLeaving } from './leave-mesh.ts'
import { MemberAudit } from './member-audit.ts'
import type { Member, MemberInit } from './member-parts.ts'
import { endedAs, endedError } from './membership-end.ts'
import { checkWishes, nameNews } from './wishes.ts'

/** A role comes with the enrolment and stays, so a member without it would be of no use, however long it runs. */
function mustHaveRole(role: MemberInit['role'], { name, roles }: CredentialClaims): void {
  if (roles.includes(role)) return
  const has =
    roles.length === 0 ? 'no role' : `${roles.length > 1 ? 'the roles' : 'the role'} ${roles.join(', ')}`
  const beside = roles.filter(other => other !== 'agent' && other !== 'relay')
  const wanted = [role, ...beside].map(each => `--role ${each}`).join(' ')
  throw new MeshError(
    'permission_denied',
    `Cannot start ${role}: its credential (${name}) has ${has}, and needs the role ${role}`,
    {
      hint: `Make a token with "agent-mesh token create ${wanted}", and join with it in a data folder of its own (--context NAME or --data DIR).`,
      details: { has: roles, needs: role },
    },
  )
}

export type Undo = (() => Promise<void> | void)[]
export type Knowledge = Pick<
  Member,
  | 'identity'
  | 'controlPlane'
  | 'store'
  | 'head'
  | 'map'
  | 'client'
  | 'pace'
  | 'credential'
  | 'askedName'
  | 'metrics'
  | 'audit'
  | 'clock'
  | 'log'
>

/** Identity and stored state: all that a member has before its first connection. `undo` collects what must be ended. */
export async function openKnowledge(init: MemberInit, undo: Undo): Promise<Knowledge> {
  const { settings, clock = systemClock } = init
  const log = outageLog(init.log, clock)
  const isNew = await checkStart(settings)
  let joined = false
  if (init.folder === undefined) {
    const folder = await ownFolder(settings.data, init.role)
    undo.push(() => folder.release(!joined))
  }
  // After all that has these files open has ended.
  undo.push(() => (isNew && !joined ? forgetMember(settings.data) : undefined))
  const identity = await openIdentity(settings.data)
  const store = openMemberStore(join(settings.data, 'member.db'))
  undo.push(() => store.close())
  const audit = new MemberAudit({ folder: settings.data, peerId: identity.peerId, clock, log })
  undo.push(() => audit.stop())
  const before = store.get('credential')
  const { signer } = identity
  const controlPlane = await joinOnce({ ...init, signer, store, clock, log }).catch((error: unknown) => {
    joined = !(error instanceof NotJoinedError)
    throw error
  })
  joined = true
  const head = await headKeeper({ meshId: controlPlane.meshId, store, log })
  const map = await openMeshMap({ store, head, log, clock })
  const { proxy } = settings
  const pace = new AskingPace({ clock })
  const client = controlPlaneClient({ ...controlPlane, signer: identity.signer, clock, proxy, pace })
  const credential = await credentialKeeper({ peerId: identity.peerId, client, store, head, clock, log })
  undo.push(() => credential.stop())
  const { peerId } = identity
  const { serial, name } = credential.claims
  const ended = endedAs(head.current.revocations, { peerId, serial })
  if (ended !== undefined) throw endedError(ended, name)
  mustHaveRole(init.role, credential.claims)
  checkWishes(store, settings, credential.claims)
  const askedName = nameNews(store, settings.name, name)
  if (askedName !== undefined && settings.name !== undefined)
    log.warn(
      { event: 'name-changed', asked: askedName, name },
      'this member has another name than it asked for',
    )
  await forgetLeaving(settings.data)
  if (credential.jwt !== before)
    audit.credentialGiven(before === undefined ? 'join' : 'renew', credential.claims)
  const metrics = memberMetrics({ map, head, log })
  const known = { identity, controlPlane, store, head, map, client, pace, credential, askedName }
  return { ...known, metrics, audit, clock, log }
}

import { MeshError } from '@agent-mesh/protocol/errors'
import { limits } from '@agent-mesh/protocol/limits'

import { commandDefaults } from '../../defaults.ts'
import { duration } from '../../show/units.ts'
import type { Facts } from '../facts.ts'
import { fail, ok, warn, type Check, type Finding } from '../finding.ts'

export const controlPlane: Check = {
  name: 'control plane',
  look: ({ controlPlane: told, member, now }) => {
    if (told === undefined) return undefined
    const { url, answer } = told
    if (!(answer instanceof MeshError)) return ok(`${url} answers`)
    if (answer.code !== 'unavailable' && answer.code !== 'deadline_exceeded')
      return fail(answer.message, answer.hint ?? `See what answers at ${url}.`)
    const head = member?.head
    const age =
      head === undefined || head instanceof MeshError
        ? ''
        : `; what this machine knows of the mesh is ${duration(now - head.issuedAt)} old`
    return warn(
      `${answer.message}${age}`,
      'Everything between enrolled members goes on. Joins, renewals and admin commands wait: see that it runs and can be reached from here.',
    )
  },
}

const setClock = 'Set the clock (timedatectl set-ntp true, chrony, w32tm).'

export const clock: Check = {
  name: 'clock',
  look: facts => {
    const { controlPlane: told } = facts
    if (told === undefined || told.answer instanceof MeshError) return againstDisk(facts)
    const { skewMs } = told.answer
    const off = Math.abs(skewMs)
    if (off <= limits.clockSkewMs) return ok(`${duration(off)} off that of the control plane, at most`)
    const found = `${duration(off)} ${skewMs > 0 ? 'behind' : 'ahead of'} that of the control plane`
    return off > limits.futureMs
      ? fail(`${found}: records and credentials are refused for it`, setClock)
      : warn(`${found}: requests correct themselves, times in logs and expiry do not`, setClock)
  },
}

/** Without an answer: what the authority signed has passed. */
function againstDisk({ member, now }: Facts): Finding | undefined {
  const head = member?.head
  if (head === undefined || head instanceof MeshError) return undefined
  const behind = head.issuedAt - now
  if (behind <= limits.clockSkewMs) return undefined
  return fail(`${duration(behind)} behind the newest document that the control plane signed`, setClock)
}

/** How old policy and revocations on this disk are. */
export const map: Check = {
  name: 'map',
  look: ({ member, now, flags }) => {
    const head = member?.head
    if (head === undefined) return undefined
    if (head instanceof MeshError)
      return fail(head.message, 'Move member.db away and join again with a new token: the key stays.')
    const age = now - head.issuedAt
    if (age <= commandDefaults.oldHeadMs)
      return ok(`policy and revocations as of ${duration(Math.max(0, age))} ago`)
    return warn(
      `policy and revocations are ${duration(age)} old: newer ones may say otherwise`,
      `A running agent hears of new ones from its relay or the control plane: agent-mesh${flags} status.`,
    )
  },
}

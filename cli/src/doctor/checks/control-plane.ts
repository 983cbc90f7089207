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
      return fail(answer.message, answer.hint ?? `Check which server answers at ${url}.`)
    const head = member?.head
    const age =
      head === undefined || head instanceof MeshError
        ? ''
        : `; what this machine knows of the mesh is ${duration(now - head.issuedAt)} old`
    return warn(
      `${answer.message}${age}`,
      'Enrolled members keep working. Joins, renewals and admin commands wait: check that the control plane runs and is reachable from here.',
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
    if (off <= limits.clockSkewMs) return ok(`differs from the control plane by at most ${duration(off)}`)
    const found = `${duration(off)} ${skewMs > 0 ? 'behind' : 'ahead of'} the control plane`
    return off > limits.futureMs
      ? fail(`${found}: records and credentials are refused`, setClock)
      : warn(`${found}: requests are corrected, but times in logs and expiry are wrong`, setClock)
  },
}

/** Without an answer: times that the authority signed are past. */
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
      return fail(head.message, 'Rename member.db and join again with a new token: the key stays.')
    const age = now - head.issuedAt
    if (age <= commandDefaults.oldHeadMs)
      return ok(`policy and revocations as of ${duration(Math.max(0, age))} ago`)
    return warn(
      `policy and revocations are ${duration(age)} old and may be outdated`,
      `A running agent receives updates from its relay or the control plane: agent-mesh${flags} status.`,
    )
  },
}

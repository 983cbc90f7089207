/** What a member asked to be when it joined, and what it is: options of a later start that ask for something else are refused. */
import { MeshError, nameField, type CredentialClaims } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { ownHostName } from '../discovery/enrolment.ts'
import type { MemberStore } from '../membership/member-store.ts'

const wishesSchema = z.object({ name: z.optional(z.string()), region: z.optional(z.string()) })
export type Wishes = z.output<typeof wishesSchema>

type Claims = Pick<CredentialClaims, 'name' | 'region'>

/** Kept with the enrolment, so that a unit file may say the same at each start. */
export const rememberWishes = (store: Pick<MemberStore, 'set'>, { name, region }: Wishes): void =>
  store.set('wishes', JSON.stringify({ name, region }))

/** Undefined for a folder that joined before wishes were kept. */
function wishesOf(store: Pick<MemberStore, 'get'>): Wishes | undefined {
  const stored = store.get('wishes')
  const parsed = stored === undefined ? undefined : z.safeParse(wishesSchema, JSON.parse(stored))
  return parsed?.success === true ? parsed.data : undefined
}

/** A name that was taken got a number: `web`, `web-2`. */
const isNumbered = (name: string, wish: string): boolean => name.replace(/-\d+$/, '') === wish

/**
 * @param asked the options of this start
 * @throws MeshError conflict when they name what the member neither is nor asked to be
 */
export function checkWishes(store: Pick<MemberStore, 'get'>, asked: Wishes, claims: Claims): void {
  const wishes = wishesOf(store)
  const { name = claims.name, region = claims.region } = asked
  const sameName = name === claims.name || name === wishes?.name
  if (!sameName && !(wishes === undefined && isNumbered(claims.name, name)))
    throw otherThan('name', name, claims.name, `agent-mesh members rename ${claims.name} ${name}`)
  if (region === undefined || region === claims.region || region === wishes?.region) return
  throw otherThan(
    'region',
    region,
    claims.region ?? 'none',
    `agent-mesh members move ${claims.name} ${region}`,
  )
}

const otherThan = (what: 'name' | 'region', asked: string, is: string, command: string) =>
  new MeshError(
    'conflict',
    `Cannot start with ${what} ${asked}: this data folder is enrolled with ${what} ${is}`,
    {
      hint: `Leave out --${what}, or have an admin change it: ${command}. With "agent-mesh leave" the machine can join anew.`,
    },
  )

const namedSchema = z.looseObject({ name: nameField })

/** The name in the stored credential: a member that joins anew asks for it again. Undefined without one. */
export function nameBefore(store: Pick<MemberStore, 'get'>): string | undefined {
  const [, claims] = store.get('credential')?.split('.') ?? []
  if (claims === undefined) return undefined
  try {
    return namedSchema.parse(JSON.parse(Buffer.from(claims, 'base64url').toString())).name
  } catch {
    return undefined
  }
}

/**
 * The name that a member asked for and does not have: its option, or the host name with a number. Undefined when it has it, and at
 * all later starts under the same name. A name that the token fixes was not asked for.
 */
export function nameNews(
  store: Pick<MemberStore, 'get' | 'set'>,
  asked: string | undefined,
  name: string,
): string | undefined {
  const host = ownHostName()
  const wanted = asked ?? (isNumbered(name, host) ? host : name)
  if (wanted === name || store.get('nameShown') === name) return undefined
  store.set('nameShown', name)
  return wanted
}

/** What a member is started with, checked once. */
import { labelField, MeshError, nameField, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'

const multiaddrField = z.string().check(
  z.maxLength(128),
  z.regex(/^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}$/, {
    error: 'is not a TCP address (/ip4/0.0.0.0/tcp/4001)',
  }),
)

const optionsSchema = z.object({
  /** Data folder: identity, credential, map. Created when missing, 0700. */
  data: z.string().check(z.minLength(1)),
  /** Join token; needed only for the first start. */
  join: z.optional(z.string()),
  /** Wanted name. @default the host name */
  name: z.optional(nameField),
  region: z.optional(labelField),
  zone: z.optional(labelField),
  /** TCP addresses to listen on; port 0 takes a free one; empty: dials only. */
  listen: z._default(z.array(multiaddrField).check(z.maxLength(8)), ['/ip4/0.0.0.0/tcp/0']),
  /** Addresses told to others instead of those listened on. */
  announce: z.optional(z.array(multiaddrField).check(z.maxLength(8))),
})

export type MemberOptions = z.input<typeof optionsSchema>
export type MemberSettings = z.output<typeof optionsSchema>

/** @throws MeshError invalid_argument */
export const parseMemberOptions = (options: MemberOptions): MemberSettings =>
  parse(optionsSchema, options, 'start')

/** Paths an agent dials. */
export type PathChoice = 'any' | 'relay'

/** @throws MeshError invalid_argument */
export function parsePaths(paths: string | undefined): PathChoice {
  if (paths === undefined || paths === 'any' || paths === 'relay') return paths ?? 'any'
  throw new MeshError('invalid_argument', `Cannot start: paths is ${paths}`, { hint: 'Use any or relay.' })
}

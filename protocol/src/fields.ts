/** Schemas of the fields that several documents share. */
import * as z from 'zod/mini'
import { isListable } from './addr.ts'
import { fieldForms, type FieldForm } from './field-forms.ts'
import { limits } from './limits.ts'

const text = (pattern: RegExp, what: string) => z.string().check(z.regex(pattern, { error: what }))
const ofForm = ({ pattern, not }: FieldForm) => text(pattern, not)

/** 52 characters of lower-case base32. */
export const meshIdField = text(/^[a-z2-7]{52}$/, 'is not a mesh id (52 characters a-z, 2-7)')

/**
 * The peer ids of the keys 00…00 and ff…ff. Base58's alphabet is in ASCII order and all Ed25519 peer ids are equally
 * long, so the others lie between: other strings of this shape are no peer ids and would make libp2p throw.
 */
const firstPeerId = '12D3KooW9pNAk8aiBuGVQtWRdbkLmo5qVL3e2h5UxbN2Nz9ttwiw'
const lastPeerId = '12D3KooWT3gYEvLJyx1FyyHqrmvdy1tMjpgxmu9aSeKMEuafQtyC'

/** libp2p peer id of an Ed25519 key. */
export const peerIdField = z.string().check(
  z.regex(fieldForms.peerId.pattern, { error: fieldForms.peerId.not }),
  z.refine(id => id >= firstPeerId && id <= lastPeerId, { error: 'is not an Ed25519 peer id' }),
)

/** A DNS label, so that names can become host names. */
export const nameField = ofForm(fieldForms.name)

/** `role`, `region`, `zone`, `tag`: a short lower-case word. */
export const labelField = ofForm(fieldForms.label)

/** `name@version`: `math@2`. */
export const serviceRefField = ofForm(fieldForms.serviceRef)

/** `name`: `math`. */
export const serviceNameField = ofForm(fieldForms.serviceName)

/** A multiaddr without peer id: `/ip4/192.0.2.1/tcp/4001`. Circuit addresses are derived, never listed. */
export const addrField = z.string().check(
  z.maxLength(limits.addrChars),
  z.regex(
    /^\/(?:(?:ip4|ip6)\/[0-9a-fA-F.:]{1,45}|(?:dns|dns4|dns6)\/[0-9a-zA-Z.-]{1,253})(?:\/(?:tcp|udp)\/[1-9][0-9]{0,4})(?:\/[a-z0-9-]{1,24}){0,3}$/,
    {
      error: 'is not an address (/ip4|ip6|dns/HOST/tcp|udp/PORT)',
    },
  ),
  z.refine(isListable, { error: 'is not an address that can be dialled' }),
)

/** The enrolment's serial, 16 bytes of base64url. */
export const serialField = ofForm(fieldForms.serial)

/** Compact JWS of at most `max` characters. */
export const jwsField = (max: number) =>
  z.string().check(z.maxLength(max), z.regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, { error: 'is not a compact JWS' }))

export const recordField = jwsField(limits.recordBytes)
export const credentialField = jwsField(limits.credentialBytes)
export const documentField = jwsField(limits.documentBytes)

/** Unix time in seconds, as JWT has it. */
export const secondsField = z.int().check(z.nonnegative())

/** Unix time in milliseconds. */
export const millisField = z.int().check(z.nonnegative())

export const rolesField = z.array(labelField).check(z.maxLength(limits.roles))
export const tagsField = z.array(labelField).check(z.maxLength(limits.tags))
export const addrsField = z.array(addrField).check(z.maxLength(limits.addrs))
export const servicesField = z.array(serviceRefField).check(z.maxLength(limits.services))

/** Public keys that may sign: Ed25519 and P-256. Unknown members are dropped, private ones never kept. */
export const publicJwkField = z.union([
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: text(/^[\w-]{43}$/, 'is not 32 bytes') }),
  z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: text(/^[\w-]{43}$/, 'is not 32 bytes'),
    y: text(/^[\w-]{43}$/, 'is not 32 bytes'),
  }),
])
export type PublicJwk = z.output<typeof publicJwkField>

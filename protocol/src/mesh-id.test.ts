import { base32 } from 'multiformats/bases/base32'
import { calculateJwkThumbprint } from 'jose'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { testKey } from '../../test/support/mesh-fixture.ts'
import { meshIdField, publicJwkField } from './fields.ts'
import { meshIdOf, thumbprintOf } from './mesh-id.ts'

/** RFC 8037, appendix A.2 and A.3. */
const rfc8037 = {
  jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  thumbprint: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
} as const

it('the thumbprint of the key of RFC 8037 is the one of its appendix A.3', async () => {
  expect(await thumbprintOf(rfc8037.jwk)).toBe(rfc8037.thumbprint)
})

it('the thumbprint function behind it answers the vector of RFC 7638, section 3.1', async () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs' +
    'tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI' +
    'SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
  const jwk = { kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' }
  expect(await calculateJwkThumbprint(jwk, 'sha256')).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

it('the mesh id is the thumbprint in lower-case unpadded base32 of 52 characters', async () => {
  const id = await meshIdOf(rfc8037.jwk)
  expect(id).toBe('sd5mv7vjwfkwngcub5ymael2elvdppk46pwtyryjhqlqokbljoeq')
  expect(id).toMatch(/^[a-z2-7]{52}$/)
  expect(Buffer.from(base32.baseDecode(id)).toString('base64url')).toBe(rfc8037.thumbprint)
  expect(z.safeParse(meshIdField, id).success).toBe(true)
})

it('members of a JWK that are not part of the key do not change the mesh id', async () => {
  const decorated = { ...rfc8037.jwk, kid: 'root', use: 'sig', d: 'secret' }
  expect(await meshIdOf(decorated)).toBe(await meshIdOf(rfc8037.jwk))
  expect(z.parse(publicJwkField, decorated)).toEqual(rfc8037.jwk)
})

it('a P-256 root has a mesh id as well, and no two roots share one', async () => {
  const roots = await Promise.all([testKey('P-256'), testKey('Ed25519'), testKey('Ed25519')])
  const ids = await Promise.all(roots.map(({ jwk }) => meshIdOf(jwk)))
  expect(new Set(ids).size).toBe(3)
})

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatJoinToken } from './join-token.ts'
import { redact, redactText } from './redact.ts'
import { msOf, quickest } from '../../test/support/quickest.ts'

const meshId = 'sd5mv7vjwfkwngcub5ymael2elvdppk46pwtyryjhqlqokbljoeq'
const word = (bytes: number): string => randomBytes(bytes).toString('base64url')
const token = formatJoinToken({ url: 'https://cp.example', meshId, secret: randomBytes(32) })
const { privateKey } = generateKeyPairSync('ed25519')
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const jwk = privateKey.export({ format: 'jwk' })
const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ: 'membership+jwt' })).toString('base64url')
const jws = `${header}.${word(90)}.${word(64)}`

/** A text that holds a secret, and the part of it that must not be seen. */
interface Planted {
  text: string
  secret: string
}

const looks: readonly Planted[] = [
  { text: token, secret: token.slice(token.lastIndexOf('.') + 1) },
  { text: jws, secret: jws.split('.')[2] ?? '' },
  { text: `Mesh ${jws}`, secret: jws.split('.')[1] ?? '' },
  { text: 'Authorization: Bearer 0123456789abcdef', secret: '0123456789abcdef' },
  { text: 'authorization: opaque-0123456789', secret: 'opaque-0123456789' },
  { text: 'Basic dXNlcjpodW50ZXIy', secret: 'dXNlcjpodW50ZXIy' },
  { text: pem, secret: pem.split('\n')[1] ?? '' },
  { text: JSON.stringify({ pem }), secret: pem.split('\n')[1] ?? '' },
  { text: JSON.stringify(jwk), secret: jwk.d ?? '' },
  { text: JSON.stringify(JSON.stringify(jwk)), secret: jwk.d ?? '' },
  { text: `{ kty: 'OKP', d: '${jwk.d}' }`, secret: jwk.d ?? '' },
  { text: 'postgres://mesh:hunter2-secret@db.example:5432/mesh', secret: 'hunter2-secret' },
  { text: 'postgres://mesh:hunter2/with@odd-signs@db.example/mesh', secret: 'hunter2' },
  { text: 'postgres://mesh:hunter2/with@odd-signs@db.example/mesh', secret: 'odd-signs' },
  { text: 'https://ghp_0123456789@git.example/x', secret: 'ghp_0123456789' },
  { text: 'https://cp.example/x?access_token=0123456789abcdef&y=1', secret: '0123456789abcdef' },
  { text: 'PGPASSWORD and password=hunter2-secret', secret: 'hunter2-secret' },
  { text: 'PGPASSWORD=hunter2-secret', secret: 'hunter2-secret' },
  { text: 'env AWS_SECRET_ACCESS_KEY=0123456789/abcdef', secret: '0123456789/abcdef' },
  { text: JSON.stringify({ password: 'odd"hunter2-secret' }), secret: 'hunter2-secret' },
  { text: JSON.stringify({ password: '\\hunter2-secret' }), secret: 'hunter2-secret' },
  { text: 'postgres://mesh:123/hunter2@db.example/mesh', secret: 'hunter2' },
]

const names = [
  'token',
  'secret',
  'privateKey',
  'private_key',
  'Authorization',
  'credential',
  'client-secret',
  'd',
]
const opaque = word(24)

/** Somewhere in a value of any shape, by its look or under a name. */
const nested = fc.letrec<{ node: unknown }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...looks).map(({ text }) => text),
    fc
      .tuple(fc.string(), fc.constantFrom(...looks), fc.string())
      .map(([a, { text }, b]) => `${a} ${text} ${b}`),
    fc.constantFrom(...names).map(name => ({ [name]: opaque })),
    fc.constantFrom(...names).map(name => new Map([[name, opaque]])),
    fc.constantFrom(...names).map(name => ({ [name]: [opaque, { deeper: opaque }] })),
    fc.constantFrom(...looks).map(({ text }) => new Error(`Cannot connect to ${text}`)),
    fc.constantFrom(...looks).map(({ text }) => ({ [text]: 1 })),
    fc.constantFrom(...looks).map(({ text }) => ({ toJSON: () => ({ text }) })),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('node'), { maxKeys: 4 }),
    fc.array(tie('node'), { maxLength: 3 }).map(items => new Set(items)),
    tie('node').map(cause => new Error('Cannot answer', { cause })),
    tie('node').map(error => new AggregateError([error], 'all failed')),
    tie('node').map(inner => {
      const circle: Record<string, unknown> = { inner }
      circle['self'] = circle
      return circle
    }),
    fc.jsonValue(),
  ),
}))

describe('the redactor', () => {
  it('leaves no planted secret in values of any shape', () => {
    fc.assert(
      fc.property(nested.node, value => {
        const shown = JSON.stringify(redact(value)) ?? ''
        for (const { secret } of [...looks, { secret: opaque }]) expect(shown).not.toContain(secret)
      }),
      { numRuns: 500 },
    )
  })

  it.each(looks)('takes the secret out of $text', ({ text, secret }) => {
    expect(redactText(`before ${text} after`)).not.toContain(secret)
    expect(redactText(text)).not.toContain(secret)
  })

  it('leaves what people need to see', () => {
    const plain = {
      peerId: '12D3KooW9pNAk8aiBuGVQtWRdbkLmo5qVL3e2h5UxbN2Nz9ttwiw',
      url: 'https://cp.example:8440/v1/map?since=abc',
      addr: '/ip4/192.0.2.1/tcp/4001',
      tokens: 3,
      secretsRotated: true,
      token: false,
      d: 4,
      reason: 'Cannot read join token: 3 parts, not 4. The Mesh controlplane is away',
      meshId,
    }
    expect(redact(plain)).toEqual(plain)
  })

  it('leaves addresses with a port although an @ comes later', () => {
    const shown = 'GET http://cp.example:8443/v1/members?service=math@2 failed'
    expect(redactText(shown)).toBe(shown)
  })

  it('shows errors with their causes, and keeps the one it was given as it is', () => {
    const error = new Error('Cannot start', { cause: new Error(`no ${token}`) })
    const shown = redact({ err: error }) as { err: { type: string; cause: { message: string } } }
    expect(shown.err).toMatchObject({ type: 'Error', message: 'Cannot start' })
    expect(shown.err.cause.message).toBe('no amj1.[redacted]')
    expect((error.cause as Error).message).toContain(token)
  })

  it('gets through circles, getters that throw, great depth, buffers and numbers that JSON has not', () => {
    const circle: Record<string, unknown> = { big: 2n ** 70n, key: randomBytes(32) }
    circle['self'] = circle
    Object.defineProperty(circle, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error(token)
      },
    })
    expect(redact(circle)).toEqual({
      big: String(2n ** 70n),
      key: '[32 bytes]',
      self: '[circular]',
      bad: '[unreadable]',
    })
    let deep: unknown = token
    for (let i = 0; i < 10_000; i++) deep = [deep]
    expect(JSON.stringify(redact(deep))).not.toContain(token)
  })

  it('takes no time for long texts made against it', async () => {
    const long = [
      '://a:',
      '-----BEGIN PRIVATE KEY-----',
      'eyJaaaaaaaa.',
      'password=',
      'a',
      '"d":"',
      '\\',
      '@',
      '://:',
      'a-token',
      'a_',
    ].map(piece => piece.repeat(Math.ceil(60_000 / piece.length)))
    const redacting = () => msOf(async () => void long.map(redactText))
    expect(await quickest(2_000, redacting)).toBeLessThan(2_000)
  })

  it('cuts long texts between words, so that no half secret stays', () => {
    const text = `${'x '.repeat(32 * 1024 - 20)}postgres://mesh:hunter2-secret@db.example/${'y'.repeat(100)}`
    expect(redactText(text)).not.toContain('hunter2')
  })
})

import { formatJoinToken, MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import { createLogger } from './logger.ts'

const meshId = 'sd5mv7vjwfkwngcub5ymael2elvdppk46pwtyryjhqlqokbljoeq'
const token = formatJoinToken({ url: 'https://cp.example', meshId, secret: new Uint8Array(32).fill(7) })
const secret = token.slice(token.lastIndexOf('.') + 1)

function logged(work: (log: ReturnType<typeof createLogger>) => void): { text: string; lines: unknown[] } {
  let text = ''
  work(createLogger('test', 'debug', { write: (line: string) => void (text += line) }))
  const lines = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as unknown)
  return { text, lines }
}

it('writes no secret, however it is logged', () => {
  const cause = new Error(`fetch of postgres://mesh:${secret}@db.example failed`)
  const { text, lines } = logged(log => {
    log.info(`joined with ${token}`)
    log.info({ token, nested: { deep: { very: { privateJwk: { d: secret } } } } }, `with ${token}`)
    log.info('joined with %s and %o', token, { credential: secret })
    log.error(new MeshError('token_invalid', `Cannot join: ${token}`, { cause }))
    log.warn({ err: new Error(token, { cause }) }, 'not joined')
    log.debug({ map: new Map([['authorization', secret]]), list: [new Set([token])] })
    log.child({ token, url: `https://x.example/?token=${secret}` }).info('child')
  })
  expect(text).not.toContain(secret)
  expect(lines).toHaveLength(7)
})

it('keeps level, message, fields and errors as they are without secrets', () => {
  const { lines } = logged(log => {
    log.info({ peerId: 'p', n: 1 }, 'connected')
    log.error(new MeshError('not_found', 'Cannot find it', { hint: 'Look.' }))
    log.debug('seen %d times', 3)
  })
  expect(lines[0]).toMatchObject({ level: 30, name: 'test', peerId: 'p', n: 1, msg: 'connected' })
  expect(lines[1]).toMatchObject({
    level: 50,
    msg: 'Cannot find it',
    err: { type: 'MeshError', message: 'Cannot find it', code: 'not_found', hint: 'Look.' },
  })
  expect(lines[2]).toMatchObject({ level: 20, msg: 'seen 3 times' })
})

it('tells of an error where it happened, and not where it was heard of', () => {
  const { lines } = logged(log => {
    log.warn({ err: new MeshError('unavailable', 'Cannot reach it') }, 'here')
    log.warn({ err: new MeshError('revoked', 'Cannot accept request', { told: true }) }, 'there')
  })
  expect(lines[0]).toHaveProperty('err.stack', expect.stringContaining('logger.test.ts'))
  expect(lines[1]).toHaveProperty('err.message', 'Cannot accept request')
  expect(lines[1]).not.toHaveProperty('err.stack')
})

it('writes text of other members so that a terminal obeys nothing in it', () => {
  const hostile = 'web\u009b2J\u202e\u200b\u007f\u2028'
  const { text, lines } = logged(log => log.warn({ peer: hostile }, `lost ${hostile}`))
  expect(text.trimEnd()).toMatch(/^[\x20-\x7e]+$/)
  expect(lines).toMatchObject([{ peer: hostile, msg: `lost ${hostile}` }])
})

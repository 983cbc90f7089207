import { expect, it } from 'vitest'
import { pingMember, type PingInit, type PingOptions } from './ping-member.ts'

/** A member that is linked and never answers. */
function ping(options: unknown): Promise<unknown> {
  const link = { path: 'direct' }
  const never = new Promise<never>(() => undefined)
  const init = {
    targets: { find: () => 'peer', nameOf: () => 'web-1', link: () => Promise.resolve(link) },
    member: {
      identity: { peerId: 'self' },
      transport: { links: { of: () => [link] } },
      serving: { sessions: { of: () => ({ ping: () => never }) } },
    },
  }
  return pingMember(init as unknown as PingInit, 'web-1', options as PingOptions)
}

it('a ping ends when its signal aborts, also one that was aborted before', async () => {
  const abort = new AbortController()
  const pinged = ping({ signal: abort.signal })
  abort.abort()
  await expect(pinged).rejects.toMatchObject({ code: 'cancelled', message: 'Cannot ping web-1: cancelled' })
  await expect(ping({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' })
})

it.each([
  [{ timout: 5 }, 'there is no option timout'],
  [{ signal: 5 }, 'its signal is 5'],
  [null, 'its options are null'],
])('a ping with the options %j is refused', async (options, reason) => {
  await expect(ping(options)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(reason) as string,
  })
})

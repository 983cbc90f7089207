import { once } from 'node:events'
import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import { refusal } from '../../../test/support/refusal.ts'
import { Pipes } from './pipes.ts'

it('a pipe whose dial is late says which port was not reached, as one whose answer is late', async () => {
  const dialled = (error: MeshError) =>
    new Pipes({
      member: { identity: { peerId: 'self' } },
      targets: { find: () => 'peer', link: () => Promise.reject(error) },
    } as unknown as ConstructorParameters<typeof Pipes>[0])
      .connect('db', 'ssh', { timeout: 60_000 })
      .catch(({ code, message }: MeshError) => `${code}: ${message}`)
  const late = new MeshError('deadline_exceeded', 'Cannot connect to db: no link in 60000 ms')
  const what = 'Cannot connect to port ssh of db'
  expect(await dialled(late)).toBe(`deadline_exceeded: ${what}: no answer in 60000 ms`)
  const away = new MeshError('unavailable', 'Cannot connect to db: it is offline')
  expect(await dialled(away)).toBe('unavailable: Cannot connect to db: it is offline')
})

it('a pipe whose dial is given up was cancelled, whatever the reason of its signal', async () => {
  for (const reason of [new Error('the user left'), 'stop']) {
    const given = new AbortController()
    const pipes = new Pipes({
      member: { identity: { peerId: 'self' } },
      targets: {
        find: () => 'peer',
        link: (_: string, { signal }: { signal: AbortSignal }) =>
          once(signal, 'abort').then(() => Promise.reject(new Error('gave up'))),
      },
    } as unknown as ConstructorParameters<typeof Pipes>[0])
    const refused = refusal(pipes.connect('db', 'ssh', { signal: given.signal }))
    given.abort(reason)
    expect(await refused).toMatch(/^cancelled: Cannot connect to port ssh of db: /)
  }
})

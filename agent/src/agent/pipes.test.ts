import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
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

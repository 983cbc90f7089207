import { Duplex } from 'node:stream'
import { expect, it } from 'vitest'

import { RunningRequests } from '../running-requests.ts'
import { Tunnels, type TunnelsInit } from './tunnels.ts'

const tokens = {
  authenticate: () => ({ id: 'token', app: 'shop', scope: { connect: ['port:*'] } }),
} as unknown as TunnelsInit['tokens']

it('a connection that waits for its port holds single bytes in few pieces', async () => {
  const opened = Promise.withResolvers<Duplex>()
  const agent: TunnelsInit['agent'] = { connect: () => opened.promise, recordDenial: () => {} }
  const tunnels = new Tunnels({ agent, tokens, running: new RunningRequests(), log: { info: () => {} } })
  const socket = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() })
  const opening = tunnels.open(socket, { token: 'text', host: 'ssh.web-1.mesh', port: 22 })
  for (let i = 0; i < 20_000; i++) socket.push(Uint8Array.of(i % 251))
  socket.push(null)
  const pieces: Buffer[] = []
  const port = new Duplex({
    read: () => {},
    write: (piece: Buffer, _encoding, done) => {
      pieces.push(piece)
      done()
    },
  })
  opened.resolve(port)
  const carry = await opening
  carry()
  await expect.poll(() => port.writableFinished, { timeout: 20_000 }).toBe(true)
  expect(Buffer.concat(pieces)).toEqual(Buffer.from(Array.from({ length: 20_000 }, (_, i) => i % 251)))
  expect(pieces.length).toBeLessThan(20)
  tunnels.stop()
})

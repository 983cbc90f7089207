import type { MeshError } from '@agent-mesh/protocol/errors'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Server, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, it, vi } from 'vitest'

import { forwardPort } from './forward-port.ts'

it('listens on after a connection that cannot be accepted, and says why', async () => {
  const failures: MeshError[] = []
  const forwarded = await forwardPort({
    listen: { host: '127.0.0.1', port: 0 },
    open: () => Promise.resolve(new PassThrough()),
    failed: error => failures.push(error),
  })
  const servers = new Set<Server | undefined>()
  const seen = (message: unknown) => {
    const { socket } = message as { socket: Socket & { server?: Server } }
    // The channel tells of all servers of the process.
    if (socket.localPort === forwarded.port) servers.add(socket.server)
  }
  const channel = 'net.server.socket'
  subscribe(channel, seen)
  const said = () => text(connect({ port: forwarded.port, host: '127.0.0.1' }).end('hello'))
  try {
    expect(await said()).toBe('hello')
    await vi.waitFor(() => expect(servers.size).toBe(1), 20_000)
    for (const server of servers) server?.emit('error', new Error('accept EMFILE'))
    expect(failures).toMatchObject([{ code: 'unavailable' }])
    expect(await said()).toBe('hello')
  } finally {
    unsubscribe(channel, seen)
    await forwarded.stop()
  }
})

it('that is released frees its port, and ends with its connections', async () => {
  const init = { open: () => Promise.resolve(new PassThrough()), failed: () => {} }
  const first = await forwardPort({ ...init, listen: { host: '127.0.0.1', port: 0 } })
  const socket = connect({ port: first.port, host: '127.0.0.1' })
  socket.write('still ')
  await once(socket, 'data')
  const released = first.release()
  const second = await forwardPort({ ...init, listen: { host: '127.0.0.1', port: first.port } })
  expect(await text(socket.end('here'))).toBe('here')
  await released
  await Promise.all([first.stop(), second.stop()])
})

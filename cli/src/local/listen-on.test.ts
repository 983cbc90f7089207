import { createServer } from 'node:http'
import { afterEach, expect, it } from 'vitest'

import { listenOn } from './listen-on.ts'

const servers = [createServer(), createServer()] as const
const errors: Error[] = []
const listen = (server: (typeof servers)[number], port: number) =>
  listenOn(server, {
    ...{ host: '127.0.0.1', port, what: 'the test', hint: 'Choose another port.' },
    onError: error => errors.push(error),
  })

afterEach(() => {
  for (const server of servers) server.close()
})

it('tells its address, of a taken port, and of what it cannot accept', async () => {
  const [first, second] = servers
  const { url, closed } = await listen(first, 0)
  await expect(listen(second, Number(new URL(url).port))).rejects.toMatchObject({ code: 'conflict' })
  // As Node does when accept(2) fails; without a listener it would end the process.
  first.emit('error', new Error('accept EMFILE'))
  expect(errors.map(({ message }) => message)).toEqual(['accept EMFILE'])
  first.close()
  await closed
})

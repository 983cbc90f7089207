import type { Connection } from '@libp2p/interface'
import { expect, it, vi } from 'vitest'
import { Identification } from './identification.ts'

/** The properties of a connection that the decision needs. */
class Standing extends EventTarget {
  status = 'open'

  close(): void {
    this.status = 'closed'
    this.dispatchEvent(new Event('close'))
  }
}

const named = (name: string): Error => Object.assign(new Error('Cannot write'), { name })

function failingWith(error: Error) {
  const connection = new Standing()
  const reported: unknown[] = []
  const identification = new Identification({
    identify: () => Promise.reject(error),
    limitMs: 1_000,
    onError: failure => reported.push(failure),
  })
  identification.of(connection as unknown as Connection)
  return { connection, reported, identification }
}

it('identify on a link that ends a moment later is no failure', async () => {
  const { connection, reported, identification } = failingWith(named('StreamStateError'))
  connection.close()
  await identification.stop()
  expect(reported).toEqual([])
})

it.each(['StreamStateError', 'UnsupportedProtocolError'])('%s on a link that stays is told', async name => {
  const { reported, identification } = failingWith(named(name))
  await vi.waitFor(() => expect(reported).toHaveLength(1), 20_000)
  await identification.stop()
})

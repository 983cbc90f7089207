import type { Connection } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { transportDefaults } from '../defaults.ts'
import { GivenUpGreetings } from './given-up-greetings.ts'

const most = transportDefaults.givenUpGreetings

/** A connection to a peer; `ended` gets its name when it is cut off. */
const connectionTo = (peer: string, name: string, ended: string[]) =>
  ({ remotePeer: { toString: () => peer }, abort: () => void ended.push(name) }) as unknown as Connection

const never = new Promise<never>(() => {})

it('a peer that does not answer holds few connections, the newest ones', () => {
  const ended: string[] = []
  const greetings = new GivenUpGreetings()
  for (let at = 0; at < most + 2; at++) greetings.add(connectionTo('silent', `${at}`, ended), never)
  greetings.add(connectionTo('other', 'other', ended), never)
  expect(ended).toEqual(['0', '1'])
})

it('those that have ended do not count, and a member that stops ends the rest', async () => {
  const ended: string[] = []
  const greetings = new GivenUpGreetings()
  greetings.add(connectionTo('peer', 'linked', ended), Promise.resolve())
  greetings.add(connectionTo('peer', 'broken', ended), Promise.reject(new Error('broken')))
  await Promise.resolve()
  for (let at = 0; at < most; at++) greetings.add(connectionTo('peer', `${at}`, ended), never)
  expect(ended).toEqual([])
  greetings.stop()
  expect(ended).toHaveLength(most)
})

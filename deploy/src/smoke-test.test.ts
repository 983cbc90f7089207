/** The order of a smoke test, over a mesh in memory: the relay of the new member, its callers, and what is left when a part fails. */
import { expect, test } from 'vitest'
import { smokeTest, type SmokeMember, type SmokeSettings } from './smoke-test.ts'
import type { Unit } from './target.ts'

const unit = (name: string): Unit => ({ name, role: name.startsWith('relay') ? 'relay' : 'agent' })
const units = ['relay-1', 'relay-2', 'agent-1', 'agent-2', 'agent-3'].map(unit)

class MemoryMember implements SmokeMember {
  readonly said: string[] = []
  relay: string | undefined
  /** What a link to the member goes through. */
  pathRelay = () => `id of ${this.relay}`
  token = () => Promise.resolve('amj1.token')
  leave = () => Promise.resolve(void this.said.push('leaves'))
  start = ({ relay }: SmokeSettings) => {
    this.relay = relay
    this.said.push(`joins at ${this.relay}`)
    return Promise.resolve()
  }
  remove = () => {
    this.relay = undefined
    return Promise.resolve()
  }
  ask = ([command = '', peer = '']: readonly string[]) => {
    if (command === 'ping') this.said.push(`calls ${peer}`)
    const relays = [{ peerId: `id of ${this.relay}`, name: this.relay, reserved: true }]
    return Promise.resolve(JSON.stringify({ name: 'smoke', relays }))
  }
  askAt = ({ name }: Unit, [command = '', peer = '']: readonly string[]) => {
    if (command === 'ping') this.said.push(`${name} calls ${peer}`)
    return Promise.resolve(JSON.stringify({ links: [{ relay: this.pathRelay() }] }))
  }
}

const signal = new AbortController().signal

test('has the new member at each relay in turn, and each agent calls it at one of them', async () => {
  const member = new MemoryMember()
  await smokeTest({ member, name: 'smoke', units, signal })
  expect(member.said).toEqual([
    ...['joins at relay-1', 'agent-1 calls smoke', 'agent-3 calls smoke', 'calls relay-1', 'leaves'],
    ...['joins at relay-2', 'agent-2 calls smoke', 'calls relay-2', 'leaves'],
  ])
  expect(member.relay).toBeUndefined()
})

test('has a call at each relay, of one agent too', async () => {
  const member = new MemoryMember()
  await smokeTest({ member, name: 'smoke', units: units.slice(0, 3), signal })
  expect(member.said.filter(it => it === 'agent-1 calls smoke')).toHaveLength(2)
})

test('fails where a call goes through another relay, names both parts, and leaves nothing behind', async () => {
  const member = new MemoryMember()
  member.pathRelay = () => 'id of relay-1'
  await expect(smokeTest({ member, name: 'smoke', units, signal, partMs: 1 })).rejects.toThrow(
    'The smoke test failed to call from agent-2 through relay-2: the links are [{"relay":"id of relay-1"}]',
  )
  expect(member.relay).toBeUndefined()
})

test.each(['relay', 'agent'])('refuses a mesh without any %s', async role => {
  const others = units.filter(it => it.role !== role)
  await expect(
    smokeTest({ member: new MemoryMember(), name: 'smoke', units: others, signal }),
  ).rejects.toThrow(`there is no ${role}`)
})

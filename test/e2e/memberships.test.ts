import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let controlPlane: Daemon

const quiet = ['--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0']
const poll = { timeout: 60_000, interval: 200 }

const admin = (...args: string[]) => runCommand([...args, '--json', '--data', controlPlane.data])
const token = async (...args: string[]) => String(lastJson(await admin('token', 'create', ...args))['token'])
const up = async (name: string, args: string[]) => workshop.start(name, ['up', ...quiet, ...args])
const listed = async (...args: string[]) => {
  const { members } = lastJson(await admin('members', 'list', ...args)) as { members: { name: string }[] }
  return members.map(({ name }) => name)
}

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
})
afterAll(() => workshop.end())

describe('agent-mesh members', () => {
  it('lists, shows, renames and tags a running agent, which then shows its new credential', async () => {
    const secret = await token('--note', 'first one', '--tag', 'cpu')
    const agent = await up('a', ['--join', secret, '--name', 'web-1'])
    expect(agent.ready).toMatchObject({ name: 'web-1' })
    expect(await listed()).toEqual(expect.arrayContaining(['web-1']))
    expect(await listed('--role', 'relay')).toEqual([])
    expect(lastJson(await admin('members', 'rename', 'web-1', 'web-9'))).toMatchObject({ name: 'web-9' })
    const tagged = await admin('members', 'tag', 'web-9', '--add', 'gpu', '--remove', 'cpu')
    expect(lastJson(tagged)).toMatchObject({ tags: ['gpu'] })
    expect(lastJson(await admin('members', 'show', 'web-9'))).toMatchObject({ peerId: agent.ready['peerId'] })
    const { tokens } = lastJson(await admin('token', 'list')) as { tokens: { id: string; note?: string }[] }
    const made = tokens.find(({ note }) => note === 'first one')
    expect(lastJson(await admin('token', 'show', made?.id ?? ''))).toMatchObject({
      members: [{ name: 'web-9' }],
    })
    await agent.end()
    // Repeating the name of its first request changes nothing; another name is refused, not ignored.
    const again = await up('a', ['--name', 'web-1'])
    await expect
      .poll(async () => lastJson(await runCommand(['status', '--json', '--data', again.data]))['name'], poll)
      .toBe('web-9')
    await again.end()
    for (const [option, value] of [
      ['--name', 'web-5'],
      ['--region', 'mars'],
    ] as const) {
      const refused = await runCommand(['up', option, value, ...quiet, '--json', '--data', again.data])
      expect(lastJson(refused)).toMatchObject({ error: { code: 'conflict' } })
    }
  })

  it('says when the mesh gives another name than was asked for', async () => {
    const one = await up('n1', ['--join', await token(), '--name', 'same'])
    const two = await up('n2', ['--join', await token(), '--name', 'same'])
    expect(one.ready).not.toHaveProperty('askedName')
    expect(two.ready).toMatchObject({ name: 'same-2', askedName: 'same' })
    await Promise.all([one.end(), two.end()])
    const again = await up('n2', ['--name', 'same'])
    expect(again.ready['name']).toBe('same-2')
    expect(again.ready).not.toHaveProperty('askedName')
    await again.end()
  })

  it('asks for the name of before where a member joins anew without --name', async () => {
    const agent = await up('again', ['--join', await token(), '--name', 'web-3'])
    await agent.end()
    await admin('members', 'remove', 'web-3', '--yes')
    const joined = await up('again', ['--join', await token()])
    expect(joined.ready).toMatchObject({ name: 'web-3', peerId: agent.ready['peerId'] })
    await joined.end()
    await runCommand(['leave', '--yes', '--data', agent.data])
    const back = await up('again', ['--join', await token()])
    expect(back.ready['name']).toBe('web-3')
    await back.end()
  })

  it('warns of a role that nothing else names, on stderr, with the nearest name', async () => {
    const data = ['--data', controlPlane.data]
    const warned = await runCommand(['token', 'create', '--role', 'agnt', ...data])
    expect(warned.stdout).toMatch(/^amj1\.\S+\n$/)
    expect(warned.stderr).toBe(
      'warning: no grant of the policy and no other token names the role agnt; did you mean agent?\n',
    )
    expect(lastJson(await admin('token', 'create', '--role', 'qqqqqqq'))).toMatchObject({
      warnings: ['no grant of the policy and no other token names the role qqqqqqq'],
    })
    for (const role of ['relay', 'qqqqqqq'])
      expect(lastJson(await admin('token', 'create', '--role', role))).not.toHaveProperty('warnings')
  })

  it('gives the name of a lost machine to its replacement', async () => {
    const lost = await up('lost', ['--join', await token('--name', 'edge-1')])
    expect(await admin('token', 'create', '--name', 'edge-1')).toMatchObject({ code: 8 })
    const secret = await token('--name', 'edge-1', '--replace')
    const next = await up('next', ['--join', secret])
    expect(next.ready).toMatchObject({ name: 'edge-1' })
    const { peerId } = lastJson(await admin('members', 'show', 'edge-1'))
    expect(peerId).toBe(next.ready['peerId'])
    await Promise.all([lost.end(), next.end()])
  })

  it.each(['members remove', 'revoke'])('asks for no confirmation of %s NAME of no member', async command => {
    expect(await admin(...command.split(' '), 'nobody')).toMatchObject({ code: 7 })
  })

  it('removes a member, whose name and key may come again', async () => {
    const agent = await up('r', ['--join', await token('--name', 'gone')])
    expect(await admin('members', 'remove', 'gone')).toMatchObject({ code: 2 })
    expect(lastJson(await admin('members', 'remove', 'gone', '--yes'))).toMatchObject({ name: 'gone' })
    expect(await listed()).not.toContain('gone')
    await agent.end()
  })
})

describe('agent-mesh leave', () => {
  it('ends the membership, and the folder joins again only with a token', async () => {
    const agent = await up('l', ['--join', await token(), '--name', 'leaver'])
    const leave = () => runCommand(['leave', '--yes', '--json', '--data', agent.data])
    expect(lastJson(await leave())).toMatchObject({ error: { code: 'conflict' } })
    await agent.end()
    expect(lastJson(await leave())).toMatchObject({ peerId: agent.ready['peerId'], ended: true })
    expect(await listed()).not.toContain('leaver')
    expect(existsSync(join(agent.data, 'member.db'))).toBe(false)
    expect(lastJson(await leave())).toMatchObject({ error: { code: 'not_found' } })
    const refused = await runCommand(['up', ...quiet, '--json', '--data', agent.data])
    expect(lastJson(refused)).toMatchObject({
      error: { code: 'unauthenticated', message: expect.stringContaining('left mesh') as string },
    })
    const back = await up('l', ['--join', await token(), '--name', 'leaver'])
    expect(back.ready).toMatchObject({ peerId: agent.ready['peerId'], name: 'leaver' })
    expect(existsSync(join(agent.data, 'left.json'))).toBe(false)
    await back.end()
  })

  it.each([
    ['removed', ['members', 'remove'], 'the member was removed before', 'To join again'],
    ['revoked', ['revoke'], 'the member was revoked before', 'use an empty data folder'],
  ])('of a member that was %s says that there was nothing to end', async (how, end, said, next) => {
    const agent = await up(`left-${how}`, ['--join', await token(), '--name', `left-${how}`])
    await agent.end()
    await admin(...end, `left-${how}`, '--yes')
    const left = await runCommand(['leave', '--yes', '--data', agent.data])
    expect(left.stdout).toContain(said)
    expect(left.stdout).toContain(next)
    const again = await runCommand(['leave', '--yes', '--json', '--data', agent.data])
    expect(lastJson(again)).toMatchObject({
      error: { message: expect.stringContaining('left mesh') as string },
    })
  })

  it('without a control plane is refused with what can be done, and forced says what stays', async () => {
    const other = await workshop.start('cp2', ['control-plane', '--listen', '127.0.0.1:0'])
    const made = await runCommand(['token', 'create', '--json', '--data', other.data])
    const agent = await up('orphan', ['--join', String(lastJson(made)['token']), '--name', 'orphan'])
    await Promise.all([agent.end(), other.end()])
    const refused = await runCommand(['leave', '--yes', '--json', '--data', agent.data])
    expect(lastJson(refused)).toMatchObject({
      error: { code: 'unavailable', hint: expect.stringContaining('--force') as string },
    })
    const forced = await runCommand(['leave', '--yes', '--force', '--data', agent.data])
    expect(forced.stdout).toContain('The control plane did not answer and still has the member')
  })

  it('of a folder in no mesh says so, and leaves no folder', async () => {
    const data = workshop.folder('nothing')
    for (const yes of [['--yes'], []]) {
      const left = await runCommand(['leave', ...yes, '--json', '--data', data])
      expect(lastJson(left)).toMatchObject({ error: { code: 'not_found' } })
      expect(existsSync(data)).toBe(false)
    }
  })
})

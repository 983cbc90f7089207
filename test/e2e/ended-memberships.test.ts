/** Agents whose membership others ended, or that left: the reason that each reports, and how it joins again. Real processes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let controlPlane: Daemon

const quiet = ['--no-mdns', '--listen', '/ip4/127.0.0.1/tcp/0']
const poll = { timeout: 60_000, interval: 200 }

const admin = (...args: string[]) => runCommand([...args, '--json', '--data', controlPlane.data])
const token = async (...args: string[]) => String(lastJson(await admin('token', 'create', ...args))['token'])
const up = (name: string, ...args: string[]) => workshop.start(name, ['up', ...quiet, ...args])
const upIn = (data: string, ...args: string[]) =>
  runCommand(['up', ...quiet, ...args, '--json', '--data', data])
const warningsOf = async (data: string) =>
  (lastJson(await runCommand(['status', '--json', '--data', data]))['warnings'] as string[]).join('\n')
const found = async (check: string, data: string) => {
  const { checks } = lastJson(await runCommand(['doctor', '--json', '--data', data])) as {
    checks: { check: string; state: string; found: string; advice?: string }[]
  }
  return checks.find(line => line.check === check)
}

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
})
afterAll(() => workshop.end())

/** How the membership of this name is ended, by the reason. */
const endings = {
  removed: (name: string) => admin('members', 'remove', name, '--yes'),
  revoked: (name: string) => admin('revoke', name, '--yes'),
  replaced: async (name: string) => {
    const next = await up(`next-${name}`, '--join', await token('--name', name, '--replace'))
    return next.end()
  },
}

describe.each(Object.entries(endings))('a member that was %s', (how, end) => {
  const code = how === 'revoked' ? 'revoked' : 'unauthenticated'

  it('says so while it runs, and does not start again', async () => {
    const agent = await up(how, '--join', await token('--name', `one-${how}`))
    await end(`one-${how}`)
    await expect.poll(() => warningsOf(agent.data), poll).toMatch(new RegExp(`this member was ${how}`))
    expect(await found('enrolment', agent.data)).toMatchObject({
      state: 'fail',
      found: expect.stringMatching(new RegExp(`^${how}: `)) as string,
    })
    await agent.end()
    const refused = await upIn(agent.data)
    expect(refused.code).toBe(4)
    expect(lastJson(refused)).toMatchObject({
      error: { code, message: expect.stringContaining(`was ${how}`) as string },
    })
  })

  it('while it was stopped is told at its next start', async () => {
    const agent = await up(`still-${how}`, '--join', await token('--name', `two-${how}`))
    await agent.end()
    await end(`two-${how}`)
    const refused = await upIn(agent.data)
    expect(refused.code).toBe(4)
    expect(refused.stdout + refused.stderr).not.toContain('"event":"ready"')
    expect(lastJson(refused)).toMatchObject({
      error: { code, message: expect.stringContaining(`was ${how}`) as string },
    })
  })

  it('joins again with a new token where its key may', async () => {
    const agent = await up(`again-${how}`, '--join', await token('--name', `three-${how}`))
    await agent.end()
    await end(`three-${how}`)
    const secret = await token('--name', `four-${how}`)
    if (how === 'revoked') {
      const refused = await upIn(agent.data, '--join', secret)
      expect(refused.code).toBe(4)
      expect(lastJson(refused)).toMatchObject({
        error: { code: 'revoked', hint: expect.stringContaining('empty data folder') as string },
      })
      return
    }
    const back = await up(`again-${how}`, '--join', secret)
    expect(back.ready).toMatchObject({ peerId: agent.ready['peerId'], name: `four-${how}` })
    expect(await warningsOf(back.data)).not.toMatch(/this member was/)
    await back.end()
  })
})

describe('a folder that left its mesh', () => {
  it('is told so by doctor, and joins again', async () => {
    const agent = await up('left', '--join', await token('--name', 'leaver'))
    await agent.end()
    await runCommand(['leave', '--yes', '--data', agent.data])
    expect(await found('credential', agent.data)).toMatchObject({
      state: 'fail',
      found: expect.stringMatching(/^none: this folder left mesh/) as string,
    })
    const back = await up('left', '--join', await token('--name', 'leaver'))
    expect(back.ready).toMatchObject({ peerId: agent.ready['peerId'] })
    await back.end()
  })
})

import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalPublishRequest, LocalSubscribeRequest } from '@agent-mesh/protocol/local-topics'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { runProgram } from '../program.ts'

const message = {
  topic: 'alerts.disk',
  from: { peerId: 'p', name: 'web-1' },
  at: 1,
  retained: false,
  lost: 0,
}

let asked: (LocalPublishRequest | LocalSubscribeRequest)[] = []
let open = 0
const daemon: Partial<LocalDaemon> = {
  publish: request => {
    asked.push(request)
    return Promise.resolve({ acks: 1 })
  },
  subscribe: async function* (request, { signal }) {
    asked.push(request)
    if (request.topic === 'denied') throw new MeshError('permission_denied', 'Cannot subscribe topic:denied')
    open++
    try {
      yield { subscribed: true }
      yield { ...message, value: { free: 1 } }
      yield { ...message, lost: 2, bytes: 'AP8=' }
      if (request.topic === 'stopped') return
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    } finally {
      open--
    }
  },
}

let folder = ''
let server: LocalServer
beforeEach(async () => {
  asked = []
  folder = await mkdtemp(join(tmpdir(), 'topics-'))
  server = await serveLocal(folder, daemon as LocalDaemon)
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function ran(...args: string[]) {
  const said = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => (said[name] += String(text)) !== ''),
  )
  try {
    const code = await runProgram(['--data', folder, ...args])
    return { code, ...said }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

describe('agent-mesh subscribe', () => {
  it('writes a line for each message, says what was lost, and ends after --count', async () => {
    const { code, stdout, stderr } = await ran('subscribe', 'alerts.*', '--count', '2', '--group', 'g')
    expect([code, stdout]).toEqual([
      0,
      'alerts.disk web-1 {"free":1}\nalerts.disk web-1 2 bytes, see --json\n',
    ])
    expect(stderr).toBe('subscribed to alerts.*\nlost 2 messages\n')
    expect(asked).toEqual([{ topic: 'alerts.*', group: 'g' }])
    await vi.waitFor(() => expect(open).toBe(0), 20_000)
  })

  it('writes lines of JSON alone with --json', async () => {
    const { stdout, stderr } = await ran('subscribe', 'x', '--count', '1', '--no-retained', '--json')
    expect([JSON.parse(stdout), stderr]).toEqual([{ ...message, value: { free: 1 } }, ''])
    expect(asked).toEqual([{ topic: 'x', retained: false }])
  })

  it.each([
    ['denied', exitCodes.denied, 'Cannot subscribe topic:denied'],
    ['stopped', exitCodes.unavailable, 'the agent has stopped'],
  ])('ends with the code of what went wrong: %s', async (topic, expected, text) => {
    const { code, stderr } = await ran('subscribe', topic)
    expect([code, stderr]).toEqual([expected, expect.stringContaining(text)])
  })
})

describe('agent-mesh publish', () => {
  it('sends JSON or bytes with its options, and says who took it', async () => {
    const { code, stdout } = await ran(
      'publish',
      'a/b',
      '{"x":1}',
      '--retain',
      '--acks',
      '1',
      '--timeout',
      '1s',
    )
    expect([code, stdout]).toEqual([0, '1 of 1 subscriptions took it\n'])
    await ran('publish', 'a', '--bytes', '/dev/null', '--json')
    expect(asked).toEqual([
      { topic: 'a/b', value: { x: 1 }, retain: true, acks: 1, timeoutMs: 1_000 },
      { topic: 'a', bytes: '', timeoutMs: 10_000 },
    ])
  })

  it('ends with the code of a timeout when fewer subscriptions than --acks took it', async () => {
    const { code, stdout } = await ran('publish', 'a', '1', '--acks', '2', '--json')
    expect([code, JSON.parse(stdout)]).toEqual([exitCodes.timeout, { acks: 1 }])
  })

  it.each([
    [['a']],
    [['a', '1', '--bytes', 'x']],
    [['a b', '1']],
    [['a.', '1']],
    [['a', '1', '--acks', '0']],
  ])('refuses %j', async args => {
    expect((await ran('publish', ...args)).code).toBe(exitCodes.usage)
  })
})

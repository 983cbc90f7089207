import { MeshError } from '@agent-mesh/protocol/errors'
import { localValue } from '@agent-mesh/protocol/local-value'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import type { LocalDaemon, StreamOptions } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { runProgram } from '../program.ts'

/** What an agent says of a service that no member has. */
const nobody = new MeshError('unavailable', 'Cannot call nope.x: no known member serves nope', {
  details: { providers: 0 },
})

async function* streamOf(method: string, params: unknown, { input }: StreamOptions) {
  if (method === 'test.echo') {
    for await (const message of input ?? []) yield localValue(message)
    yield { end: { value: 'done', peerId: 'p', ms: 1 } }
  } else if (method === 'nope.x') {
    throw nobody
  } else {
    yield { value: params }
    throw new MeshError('path_lost', 'Cannot call: its path fell silent')
  }
}
const daemon: Partial<LocalDaemon> = {
  stream: ({ method, params }, options) => streamOf(method, params, options),
  call: ({ method, params, bytes }) =>
    method === 'nope.x'
      ? Promise.reject(nobody)
      : Promise.resolve({ value: params, bytes, peerId: 'p', ms: 1 }),
}

let folder = ''
let server: LocalServer
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stream-'))
  server = await serveLocal(folder, daemon as LocalDaemon)
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function ran(...args: string[]) {
  const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => said[name].push(Buffer.from(text)) > 0),
  )
  try {
    const code = await runProgram(['--data', folder, ...args])
    return { code, stdout: Buffer.concat(said.stdout), stderr: Buffer.concat(said.stderr).toString() }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

const file = async (name: string, content: string | Buffer): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

describe('agent-mesh stream', () => {
  it('writes a line for each message, and what the method returned beside them', async () => {
    const input = await file('in', '{"a": 1}\n\n"x"\n[]')
    const { code, stdout, stderr } = await ran('stream', 'test.echo', '--input', input)
    expect([code, stdout.toString(), stderr]).toEqual([0, '{"a":1}\n"x"\n[]\n', 'returned "done"\n'])
  })

  it('writes lines of JSON alone with --json, bytes as base64', async () => {
    const input = await file('in', Buffer.from([0, 255]))
    const { stdout } = await ran('stream', 'test.echo', '--input-bytes', input, '--json')
    const lines = stdout.toString().trim().split('\n')
    expect(lines.map(line => JSON.parse(line) as unknown)).toEqual([
      { bytes: 'AP8=' },
      { end: { value: 'done', peerId: 'p', ms: 1 } },
    ])
  })

  it('writes bytes as they are', async () => {
    const bytes = Buffer.alloc(300_000, 'ÿ\0\n')
    const { stdout } = await ran('stream', 'test.echo', '--input-bytes', await file('in', bytes))
    expect(stdout.equals(bytes)).toBe(true)
  })

  it('ends with the code of the error behind the messages', async () => {
    const { code, stdout, stderr } = await ran('stream', 'test.fail', '1')
    expect([code, stdout.toString()]).toEqual([exitCodes.unavailable, '1\n'])
    expect(stderr).toContain('fell silent')
    const json = await ran('stream', 'test.fail', '1', '--json')
    expect(JSON.parse(json.stdout.toString().split('\n')[1] ?? '')).toMatchObject({
      error: { code: 'path_lost' },
    })
  })

  it('ends as call does where no member serves it', async () => {
    const [streamed, called] = [await ran('stream', 'nope.x'), await ran('call', 'nope.x')]
    expect([streamed.code, streamed.stderr]).toEqual([exitCodes.notFound, called.stderr])
    expect(called.code).toBe(exitCodes.notFound)
  })

  it.each([
    ['two inputs', ['--input', 'a', '--input-bytes', 'b']],
    ['two readers of standard input', ['-', '--input', '-']],
    ['two readers of standard input for params', ['-', '--bytes', '-']],
    ['no file', ['--input', '']],
  ])('refuses %s', async (_, args) => {
    expect((await ran('stream', 'test.echo', ...args)).code).toBe(exitCodes.usage)
  })

  it('says which line of its input is no JSON, and that a file is not there', async () => {
    const { code, stderr } = await ran('stream', 'test.echo', '--input', await file('in', '1\n{\n'))
    expect([code, stderr]).toEqual([exitCodes.usage, expect.stringContaining('line 2 of ')])
    const missing = await ran('stream', 'test.echo', '--input', join(folder, 'none'))
    expect(missing.code).toBe(exitCodes.notFound)
  })
})

describe('agent-mesh call', () => {
  it('sends the bytes of a file beside the params, and writes raw bytes', async () => {
    const bytes = Buffer.from([1, 0, 254])
    const args = ['call', 'test.echo', '{"n":1}', '--bytes', await file('in', bytes)]
    expect((await ran(...args, '--raw')).stdout.equals(bytes)).toBe(true)
    expect(JSON.parse((await ran(...args, '--json')).stdout.toString())).toMatchObject({
      ...{ value: { n: 1 }, bytes: 'AQD+' },
    })
    expect((await ran(...args)).stdout.toString()).toContain('3 bytes')
  })

  it.each([
    ['"ü\\n"', 'ü\n'],
    ['{"a":1}', '{"a":1}\n'],
  ])('writes %s raw', async (params, text) => {
    expect((await ran('call', 'test.echo', params, '--raw')).stdout.toString()).toBe(text)
  })

  it('refuses to write raw to a terminal, before it calls', async () => {
    const before = process.stdout.isTTY
    process.stdout.isTTY = true
    try {
      const { code, stderr } = await ran('call', 'test.echo', '1', '--raw')
      expect([code, stderr]).toEqual([exitCodes.usage, expect.stringContaining('terminal')])
    } finally {
      process.stdout.isTTY = before
    }
  })

  it('refuses bytes over the limit', async () => {
    const large = await file('in', Buffer.alloc(1024 * 1024 + 1))
    expect((await ran('call', 'test.echo', '--bytes', large)).code).toBe(exitCodes.usage)
  })
})

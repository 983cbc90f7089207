import { socketPath } from '@agent-mesh/agent/gateway/local-address'
import type { TuningReport } from '@agent-mesh/protocol/tuning-report'
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { runProgram } from '../program.ts'

const report: TuningReport = {
  on: true,
  settings: [
    { setting: 'hedgeDelay', value: '20 ms', state: 'pinned' },
    { setting: 'cacheSize', value: '32 MiB', state: 'trial' },
    { setting: 'compression', value: 'off', state: 'shadow' },
  ],
  changes: [
    {
      at: Date.UTC(2026, 0, 2, 3, 4, 5),
      ...{ setting: 'cacheSize', before: '64 MiB', after: '32 MiB', outcome: 'trial' },
      ...{ reason: 'half of it answers as many calls', p99BeforeMs: 4.25 },
    },
    {
      at: Date.UTC(2026, 0, 2),
      ...{ setting: 'compression', before: 'off', after: 'on', outcome: 'rolled back' },
      ...{ reason: 'bodies would have 20 % of their bytes', p99BeforeMs: 81.4, p99AfterMs: 120.6 },
    },
  ],
}

let folder = ''
let server: LocalServer | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-'))
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  await rm(folder, { recursive: true, force: true })
})

const serve = async (daemon: Partial<LocalDaemon>) => {
  server = await serveLocal(folder, daemon as LocalDaemon)
}

async function ran(...args: string[]) {
  const said = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => (said[name] += String(text)) !== ''),
  )
  try {
    const code = await runProgram(['--data', folder, 'tuning', ...args])
    return { code, ...said }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

describe('agent-mesh tuning', () => {
  it('shows each setting with its state, and each change with its p99 before and after', async () => {
    await serve({ tuning: () => report })
    const { code, stdout } = await ran()
    expect(code).toBe(0)
    expect(stdout).toMatch(/^hedgeDelay +20 ms +pinned$/m)
    expect(stdout).toMatch(/^cacheSize +32 MiB +trial$/m)
    expect(stdout).toMatch(
      /^2026-01-02T03:04:05Z +cacheSize: 64 MiB to 32 MiB +trial +4\.3 ms to - +half of it/m,
    )
    expect(stdout).toMatch(/compression: off to on +rolled back +81 ms to 121 ms +bodies would/)
  })

  it('shows no changes where there are none', async () => {
    await serve({ tuning: () => ({ ...report, changes: [] }) })
    expect((await ran()).stdout).not.toContain('CHANGE')
  })

  it('gives programs the report with --json, times as ISO 8601', async () => {
    await serve({ tuning: () => report })
    const { stdout } = await ran('--json')
    expect(JSON.parse(stdout)).toMatchObject({
      on: true,
      settings: report.settings,
      changes: [
        { at: '2026-01-02T03:04:05.000Z', outcome: 'trial', p99BeforeMs: 4.25 },
        { p99AfterMs: 120.6 },
      ],
    })
  })

  it('says where no agent runs, and where one of another kind does', async () => {
    expect(await ran()).toMatchObject({ code: exitCodes.nothingRunning })
    await serve({})
    expect(await ran()).toMatchObject({
      code: exitCodes.notFound,
      stderr: expect.stringContaining('Cannot show tuned settings: no agent runs in this context') as string,
    })
  })

  it('reads reports of later versions, which may say more', async () => {
    await serve({ tuning: () => ({ ...report, more: 1, changes: [] }) as TuningReport })
    expect(await ran()).toMatchObject({ code: 0 })
  })
})

describe('GET /v1/tuning', () => {
  const answer = async () => {
    const sent = request({ socketPath: socketPath(folder), path: '/v1/tuning', agent: false })
    sent.end()
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    return [reply.statusCode, JSON.parse((await reply.toArray()).join(''))] as const
  }

  it('answers with the report', async () => {
    await serve({ tuning: () => report })
    expect(await answer()).toEqual([200, report])
  })

  it('is unsupported by what is no agent', async () => {
    await serve({})
    expect(await answer()).toEqual([expect.any(Number), expect.objectContaining({ code: 'unsupported' })])
  })
})

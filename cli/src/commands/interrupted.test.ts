/** Commands that show what comes until Ctrl-C: it is how they end, and no error. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { runProgram } from '../program.ts'

async function* shownUntilAborted<Line>(line: Line, signal: AbortSignal) {
  yield line
  await new Promise(resolve => signal.addEventListener('abort', resolve))
}
const message = { topic: 'alerts', from: { peerId: 'p', name: 'web-1' }, at: 1, retained: false, lost: 0 }
const daemon: Partial<LocalDaemon> = {
  stream: (_, { signal }) => shownUntilAborted({ bytes: btoa('shown\n') }, signal),
  subscribe: (_, { signal }) => shownUntilAborted({ ...message, value: 'shown' }, signal),
}

let folder = ''
let server: LocalServer
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'interrupted-'))
  server = await serveLocal(folder, daemon as LocalDaemon)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

it.each([[['logs', 'web-1', '--follow']], [['subscribe', 'alerts']], [['stream', 'log.tail']]])(
  '%j ends with 130 and without a word',
  async args => {
    const shown = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const others = process.listeners('SIGINT')
    const ended = runProgram([...args, '--data', folder])
    await vi.waitFor(() => expect(shown).toHaveBeenCalled(), 20_000)
    const [interrupt] = process.listeners('SIGINT').filter(each => !others.includes(each))
    interrupt?.('SIGINT')
    expect(await ended).toBe(exitCodes.interrupted)
    expect(said).not.toHaveBeenCalled()
  },
)

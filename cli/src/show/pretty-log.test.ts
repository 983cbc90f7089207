import { createLogger } from '@agent-mesh/agent/observe/logger'
import { MeshError } from '@agent-mesh/protocol'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

import { prettyLine } from './pretty-log.ts'

function pretty(work: (log: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = []
  const write = (line: string) => void lines.push(prettyLine(line, (_, text) => text))
  work(createLogger('agent', 'debug', { write }))
  return lines
}

it('shows time, level, process, event, text and fields on one line', () => {
  const [line] = pretty(log =>
    log.info({ event: 'path-rescued', peerId: '12D3', path: 'relay', ms: 7, why: 'a b' }, 'calls continue'),
  )
  expect(line).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} INFO {2}agent path-rescued: calls continue peerId=12D3 path=relay ms=7 why="a b"$/,
  )
})

it('shows message, code and hint of an error, and leaves out its stack', () => {
  const err = new MeshError('not_found', 'Cannot find it', { hint: 'Look.' })
  const [line] = pretty(log => log.warn({ event: 'member-not-mapped', err }, 'not put into the map'))
  expect(line).toContain('not put into the map err="Cannot find it" code=not_found hint=Look.')
  expect(line).not.toContain('pretty-log.test.ts')
})

it('lets no text of other members steer a terminal or forge a line', () => {
  const hostile = 'web\u001b[2J\nWARN  agent\u202e'
  const [line] = pretty(log => log.warn({ event: 'path-silent', [hostile]: hostile }, hostile))
  expect(line).toMatch(/^[\x20-\x7e]+$/)
  expect(line).toContain('web\\x1b[2J\\x0aWARN')
})

it('has each line for members that may read the log, as JSON', async () => {
  const module = join(import.meta.dirname, '..', 'daemon', 'daemon-log.ts')
  const script = `import { daemonLog } from ${JSON.stringify(module)}
    const add = line => process.stdout.write(line)
    for (const logFormat of ['pretty', 'json'])
      daemonLog('agent', { logLevel: 'info', logFormat }, { add }).info({ event: 'agent-stopping' }, 'stopping')`
  const args = ['--input-type=module', '-e', script]
  const { stdout, stderr: said } = await promisify(execFile)(process.execPath, args)
  const kept = stdout.trimEnd().split('\n')
  const json = { level: 30, name: 'agent', event: 'agent-stopping', msg: 'stopping' }
  expect(kept.map(line => JSON.parse(line) as unknown)).toMatchObject([json, json])
  expect(said.trimEnd().split('\n')).toHaveLength(2)
})

it('is what a process writes on stderr with --log-format pretty', async () => {
  const module = join(import.meta.dirname, '..', 'daemon', 'daemon-log.ts')
  const script = `import { daemonLog } from ${JSON.stringify(module)}
    for (const logFormat of ['pretty', 'json', undefined])
      daemonLog('agent', { logLevel: 'info', logFormat }).info({ event: 'agent-stopping' }, 'stopping')`
  const { stderr: said } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  const [first = '', ...others] = said.trimEnd().split('\n')
  expect(first).toMatch(/^[\d:.]+ INFO {2}agent agent-stopping: stopping$/)
  const json = { level: 30, name: 'agent', event: 'agent-stopping', msg: 'stopping' }
  expect(others.map(line => JSON.parse(line) as unknown)).toMatchObject([json, json])
})

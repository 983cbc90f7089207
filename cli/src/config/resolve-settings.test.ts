import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'

import { createProgram } from '../program.ts'
import { configSchema } from './config-file.ts'
import { readConfigText } from './config-text.ts'
import { giveSettings, resolveSettings } from './resolve-settings.ts'

/** `up` with an command line, an environment and a file; it does not run. */
async function resolved(line: string, env: Record<string, string> = {}, file = '') {
  const program = createProgram(false, () => undefined)
  const up = program.commands.find(command => command.name() === 'up') as Command
  up.action(() => undefined)
  await program.parseAsync(`up ${line}`.trim().split(' '), { from: 'user' })
  const config = readConfigText(file, '/etc/mesh.yaml', configSchema(program))
  const settings = resolveSettings(up, env, config)
  giveSettings(up, settings)
  return {
    options: up.opts(),
    from: Object.fromEntries(settings.map(({ setting, from }) => [setting.name, from])),
  }
}

describe('a setting', () => {
  it.each([
    ['--drain 1s', { AGENT_MESH_DRAIN: '2s' }, 'up: {drain: 3s}', 1_000, 'command line'],
    ['', { AGENT_MESH_DRAIN: '2s' }, 'up: {drain: 3s}', 2_000, 'environment'],
    ['', { AGENT_MESH_DRAIN: '' }, 'up: {drain: 3s}', 3_000, 'file'],
    ['', {}, '', 8_000, 'default'],
  ])('with %j, %o and %j is %i ms, from the %s', async (line, env, file, value, where) => {
    const { options, from } = await resolved(line, env as Record<string, string>, file)
    expect([options['drain'], from['drain']]).toEqual([value, where])
  })

  it('is read by one parser wherever it stands', async () => {
    const parsed = { host: '127.0.0.1', port: 9100 }
    for (const { options } of [
      await resolved('--metrics 127.0.0.1:9100'),
      await resolved('', { AGENT_MESH_METRICS: '127.0.0.1:9100' }),
      await resolved('', {}, 'up: {metrics: "127.0.0.1:9100"}'),
    ])
      expect(options['metrics']).toEqual(parsed)
  })

  it('may be a list, also an empty one, and a refusal', async () => {
    const listed = (await resolved('', { AGENT_MESH_LISTEN: '0.0.0.0:1, [::]:2' })).options['listen']
    expect(listed).toEqual(['0.0.0.0:1', '[::]:2'])
    expect((await resolved('', { AGENT_MESH_LISTEN: 'none' })).options['listen']).toBe(false)
    expect((await resolved('', {}, 'up: {listen: false}')).options['listen']).toBe(false)
    expect((await resolved('', {}, 'up: {listen: []}')).options['listen']).toEqual([])
    expect((await resolved('--no-listen', {}, 'up: {listen: ["0.0.0.0:1"]}')).options['listen']).toBe(false)
  })

  it('may be a switch', async () => {
    expect((await resolved('', { AGENT_MESH_MDNS: 'off' })).options['mdns']).toBe(false)
    expect((await resolved('', {}, 'up: {mdns: false}')).options['mdns']).toBe(false)
    expect((await resolved('--no-mdns', {}, 'up: {mdns: true}')).options['mdns']).toBe(false)
    expect((await resolved('')).options['mdns']).toBe(true)
    expect((await resolved('', {}, 'up: {wait: false}')).options['wait']).toBe(false)
    expect((await resolved('')).options['wait']).toBe(undefined)
  })

  it('that is wrong in the environment is refused with the name of the variable, without a password', async () => {
    await expect(resolved('', { AGENT_MESH_LOG_LEVEL: 'loud' })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: 'Cannot read AGENT_MESH_LOG_LEVEL: it is "loud"',
    })
    await expect(resolved('', { AGENT_MESH_METRICS: 'http://u:hidden@x' })).rejects.not.toThrow('hidden')
  })

  it('of another command changes nothing here', async () => {
    expect((await resolved('', { AGENT_MESH_STUN_PORT: 'x' }, 'relay: {drain: 1s}')).options['drain']).toBe(
      8_000,
    )
  })
})

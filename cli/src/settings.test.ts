import { afterEach, describe, expect, it, vi } from 'vitest'

import { readSettings } from './settings.ts'

afterEach(() => void vi.unstubAllEnvs())

describe('readSettings()', () => {
  it('keeps each context in a folder of its own below XDG_DATA_HOME', () => {
    expect(readSettings({ context: 'staging' }, { XDG_DATA_HOME: '/data' }).data).toBe(
      '/data/agent-mesh/staging',
    )
  })

  it('falls back to ~/.local/share, also from a relative XDG_DATA_HOME', () => {
    // Not the folder of the user who runs the tests and may have a context in use.
    vi.stubEnv('HOME', '/no/home')
    const expected = '/no/home/.local/share/agent-mesh/default'
    expect(readSettings({}, {}).data).toBe(expected)
    expect(readSettings({}, { XDG_DATA_HOME: 'data' }).data).toBe(expected)
  })

  it('takes --data as it is, made absolute', () => {
    expect(readSettings({ data: '/x/../y' }, {}).data).toBe('/y')
    expect(readSettings({ data: 'here' }, {}).data).toBe(`${process.cwd()}/here`)
  })

  it.each(['', '..', 'a/b', '-x', 'x'.repeat(65)])('refuses the context %j', context =>
    expect(() => readSettings({ context }, {})).toThrow('Cannot use context'),
  )

  it.each([
    [undefined, {}, undefined],
    [undefined, { HTTPS_PROXY: 'http://a:1', HTTP_PROXY: 'http://b:1' }, 'http://a:1'],
    [undefined, { https_proxy: 'http://a:1' }, 'http://a:1'],
    [undefined, { HTTPS_PROXY: '', HTTP_PROXY: 'http://b:1' }, 'http://b:1'],
    ['http://c:1', { HTTPS_PROXY: 'http://a:1' }, 'http://c:1'],
    ['none', { HTTPS_PROXY: 'http://a:1' }, undefined],
  ])('with --proxy %s and %o takes the proxy %s', (proxy, env, url) => {
    expect(readSettings(proxy === undefined ? {} : { proxy }, env).proxy?.url).toBe(url)
  })

  it.each([
    [{}, undefined],
    [{ AGENT_MESH_JOIN: '', AGENT_MESH_JOIN_FILE: '' }, undefined],
    [{ AGENT_MESH_JOIN: 'amj1.x' }, 'amj1.x'],
    [{ AGENT_MESH_JOIN_FILE: '/run/token' }, '@/run/token'],
    [{ AGENT_MESH_JOIN: 'amj1.x', AGENT_MESH_JOIN_FILE: '/run/token' }, 'amj1.x'],
  ])('with %o joins by %s', (env, join) => {
    expect(readSettings({ data: '/x' }, env).join).toBe(join)
  })

  it.each([
    [{}, {}, {}, '/data/agent-mesh/default', 'default', ''],
    [{}, {}, { context: 'f' }, '/data/agent-mesh/f', 'file', ' --context f'],
    [{}, { AGENT_MESH_CONTEXT: 'e' }, { context: 'f', data: '/f' }, '/data/agent-mesh/e', 'environment', ''],
    [{}, { AGENT_MESH_DATA: '/e', AGENT_MESH_CONTEXT: 'e' }, {}, '/e', 'environment', ''],
    [{}, { AGENT_MESH_DATA: '', AGENT_MESH_CONTEXT: '' }, { data: '/f' }, '/f', 'file', ' --data /f'],
    [{ context: 'o' }, { AGENT_MESH_DATA: '/e' }, {}, '/data/agent-mesh/o', 'option', ' --context o'],
    [{ data: '/o' }, { AGENT_MESH_DATA: '/e' }, {}, '/o', 'option', ' --data /o'],
  ])(
    'with the options %o, %o and the file %o uses %s, chosen by %s',
    (options, env, file, data, by, flags) => {
      const settings = readSettings(options, { XDG_DATA_HOME: '/data', ...env }, file)
      expect(settings).toMatchObject({ data, chosenBy: by, flags })
    },
  )

  it('takes proxy and join token of the file when environment and options have none', () => {
    const file = { proxy: 'http://f:1', join: '@/f' }
    expect(readSettings({ data: '/x' }, {}, file)).toMatchObject({
      proxy: { url: 'http://f:1' },
      join: '@/f',
    })
    const env = { AGENT_MESH_PROXY: 'http://e:1', AGENT_MESH_JOIN_FILE: '/e' }
    expect(readSettings({ data: '/x' }, env, file)).toMatchObject({
      proxy: { url: 'http://e:1' },
      join: '@/e',
    })
  })

  it('never sends what is on this machine through a proxy', () => {
    const { proxy } = readSettings({ proxy: 'p:1' }, { NO_PROXY: 'a.example' })
    expect(proxy?.noProxy).toBe('a.example,localhost,127.0.0.0/8,::1')
  })
})

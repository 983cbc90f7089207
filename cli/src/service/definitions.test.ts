/** What the managers are given, as files of `golden/`; how a service is described does not depend on this machine. */
import { homedir } from 'node:os'
import { expect, test } from 'vitest'

import { managerOf } from './find-manager.ts'
import { checkProgram, type ServiceSpec } from './service-spec.ts'

const spec: ServiceSpec = {
  name: 'agent-mesh-staging',
  scope: 'system',
  context: 'staging',
  program: ['/opt/agent-mesh/bin/agent-mesh'],
  run: 'up',
  args: ['--name', 'web-1', '--zone', 'a b$c%d"e\\f'],
  data: '/var/lib/agent-mesh/staging',
  tokenFile: '/etc/agent-mesh/staging.join-token',
}

test.each([
  ['systemd', 'agent-mesh-staging.service'],
  ['launchd', 'agent-mesh-staging.plist'],
  ['windows', 'agent-mesh-staging.xml'],
] as const)('the definition for %s', async (name, file) => {
  const { path, text } = (await managerOf(name)).file(spec)
  expect(path.endsWith(file)).toBe(true)
  await expect(text).toMatchFileSnapshot(`golden/${file}`)
})

test('a service of a user is defined in the home folder, and needs no right of root', async () => {
  const manager = await managerOf('systemd')
  const { path, text } = manager.file({ ...spec, scope: 'user' })
  expect(path.startsWith(homedir())).toBe(true)
  expect(text).not.toMatch(/DynamicUser|LoadCredential|CapabilityBoundingSet/)
  expect(manager.start({ ...spec, scope: 'user' })).toEqual([
    ['systemctl', '--user', 'restart', 'agent-mesh-staging.service'],
  ])
})

test('keys of a service on Windows are read by administrators, the system and the user of the service alone', async () => {
  const windows = await managerOf('windows')
  const folder = 'C:\\ProgramData\\agent-mesh'
  expect(windows.protect(spec)).toEqual({
    folder,
    tools: [
      ['icacls', folder, '/setowner', '*S-1-5-32-544', '/t', '/q'],
      [
        'icacls',
        folder,
        '/inheritance:r',
        '/grant:r',
        '*S-1-5-18:(OI)(CI)F',
        '*S-1-5-32-544:(OI)(CI)F',
        '*S-1-5-19:(OI)(CI)M',
        '/q',
      ],
    ],
  })
  const { data, tokenFile } = windows.paths('staging')
  const { path } = windows.file(spec)
  for (const kept of [data, tokenFile, path]) expect(kept).toMatch(`${folder}\\`)
  expect(windows.protect({ ...spec, scope: 'user' })).toBeUndefined()
})

test('a program in a home folder is no service of the machine', () => {
  const hidden = { ...spec, program: ['/home/ada/.local/bin/agent-mesh'] }
  expect(() => checkProgram(hidden)).toThrow(/--user|cannot read/)
  expect(() => checkProgram({ ...hidden, scope: 'user' })).not.toThrow()
})

test('the state that managers print is read', async () => {
  const systemd = await managerOf('systemd')
  const shown = 'MainPID=812\nNRestarts=2\nActiveState=active\nSubState=running\n'
  expect(systemd.readState(shown)).toEqual({
    state: 'active (running)',
    running: true,
    pid: 812,
    restarts: 2,
  })
  const launchd = await managerOf('launchd')
  expect(launchd.readState('\tstate = running\n\tpid = 77\n')).toEqual({
    state: 'running',
    running: true,
    pid: 77,
  })
  const windows = await managerOf('windows')
  expect(windows.readState('"\\agent-mesh","N/A","Ready"\r\n')).toEqual({ state: 'Ready', running: false })
})

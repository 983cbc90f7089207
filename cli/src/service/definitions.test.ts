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
  const protection = windows.protect?.(spec)
  expect(protection?.folder).toBe(folder)
  expect(protection?.close('C:\\new')).toEqual([
    ['icacls', 'C:\\new', '/setowner', '*S-1-5-32-544', '/l', '/q'],
    [
      'icacls',
      'C:\\new',
      '/inheritance:r',
      '/grant:r',
      '*S-1-5-18:(OI)(CI)F',
      '*S-1-5-32-544:(OI)(CI)F',
      '*S-1-5-19:(OI)(CI)M',
      '/l',
      '/q',
    ],
  ])
  const { data, tokenFile } = windows.paths('staging')
  const { path } = windows.file(spec)
  for (const kept of [data, tokenFile, path]) expect(kept).toMatch(`${folder}\\`)
})

const ours = '(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;LS)'
test.each([
  ['closed', `O:BAG:S-1-5-21-1-2-3-513D:PAI${ours}\r\n`, true],
  ['of the system', `O:SYG:SYD:P${ours}`, true],
  ['of another user', `O:S-1-5-21-1-2-3-1001G:S-1-5-21-1-2-3-513D:PAI${ours}`, false],
  ['that inherits rights', `O:BAG:SYD:AI${ours}(A;OICIID;FA;;;SY)`, false],
  ['that grants rights to another user', `O:BAG:SYD:PAI${ours}(A;OICI;FA;;;S-1-5-21-1-2-3-1001)`, false],
  ['that grants rights to all', `O:BAG:SYD:PAI(A;OICI;FA;;;WD)${ours}`, false],
  ['that nobody may use', 'O:BAG:SYD:P', false],
  ['without a list of rights', 'O:BAG:SYD:NO_ACCESS_CONTROL', false],
])('a folder %s on Windows is judged by its security descriptor', async (_, shown, closed) => {
  const { protect } = await managerOf('windows')
  expect(protect?.(spec)?.isClosed(shown)).toBe(closed)
})

test('a service of a user on Windows keeps its files in the profile', async () => {
  const windows = await managerOf('windows')
  const own = { ...spec, scope: 'user' } as const
  const inProfile = `${homedir()}\\AppData\\Local\\agent-mesh\\agent-mesh-staging`
  const { path, text } = windows.file(own)
  expect(path).toBe(`${inProfile}.xml`)
  expect(windows.enable(own)[0]).toContain(path)
  expect(text).toContain(`${inProfile}.log`)
  expect(windows.logs(own, 10, false).at(-1)).toContain(`'${inProfile}.log'`)
  expect(text).not.toContain('ProgramData')
  expect(windows.protect?.(own)).toBeUndefined()
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

/**
 * Tasks of Windows' Task Scheduler that start with the machine, as its schema describes them: a program that is no service of
 * Windows needs a wrapper to be one, and none for this. Their files are compared with golden ones; none has run on Windows.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { homedir } from 'node:os'

import type { ServiceManager } from './service-manager.ts'
import { commandLineOf, descriptionOf, type ServiceSpec } from './service-spec.ts'

const folder = 'C:\\ProgramData\\agent-mesh'
/** Owner of the folder. By number: names are of the language of the machine. */
const administrators = '*S-1-5-32-544'
/** Those who may use the folder: the system, administrators, and the account of local services, which runs the task. */
const rights = ['*S-1-5-18:(OI)(CI)F', `${administrators}:(OI)(CI)F`, '*S-1-5-19:(OI)(CI)M']
/**
 * A folder of administrators or the system that inherits no rights and grants none to others, in the security descriptor definition
 * language: `O:BAG:SYD:PAI(A;OICI;FA;;;SY)`.
 */
const closed = /^O:(?:BA|SY)G:[\w-]+D:P[AIR]*(?:\([^();]*(?:;[^();]*){4};(?:SY|BA|LS)\))+$/

/** Its definition and its log: those of a user are in the profile, which other users cannot write. */
const fileOf = ({ scope, name }: ServiceSpec, kind: 'xml' | 'log'): string =>
  `${scope === 'user' ? `${homedir()}\\AppData\\Local\\agent-mesh` : folder}\\${name}.${kind}`

export const windowsTask: ServiceManager = {
  name: 'windows',
  paths: context => ({
    data: `${folder}\\${context}`,
    tokenFile: `${folder}\\${context}.join-token`,
  }),
  // All users may read what is below ProgramData, and one that makes a folder there first is its owner. Data of a user is in the profile.
  protect: ({ scope }) =>
    scope === 'user'
      ? undefined
      : {
          folder,
          close: path => [
            ['icacls', path, '/setowner', administrators, '/l', '/q'],
            ['icacls', path, '/inheritance:r', '/grant:r', ...rights, '/l', '/q'],
          ],
          show: ['powershell', '-NoProfile', '-Command', `(Get-Acl -LiteralPath '${folder}').Sddl`],
          isClosed: shown => closed.test(shown.trim()),
        },
  file: spec => ({ path: fileOf(spec, 'xml'), text: task(spec) }),
  enableBelow: () => [],
  enable: spec => [['schtasks', '/create', '/f', '/tn', spec.name, '/xml', fileOf(spec, 'xml')]],
  start: spec => [['schtasks', '/run', '/tn', spec.name]],
  stop: spec => [
    ['schtasks', '/end', '/tn', spec.name],
    ['schtasks', '/delete', '/f', '/tn', spec.name],
  ],
  forget: () => [],
  show: spec => ['schtasks', '/query', '/tn', spec.name, '/fo', 'csv', '/nh'],
  readState: shown => {
    const state = /"([^"]*)"\s*$/.exec(shown.trim())?.[1] ?? 'unknown'
    return { state, running: state === 'Running' }
  },
  logs: (spec, lines, follow) => [
    'powershell',
    '-NoProfile',
    '-Command',
    `Get-Content -Tail ${lines}${follow ? ' -Wait' : ''} '${fileOf(spec, 'log').replaceAll("'", "''")}'`,
  ],
  check: () => {
    if (process.platform !== 'win32')
      throw new MeshError('unsupported', 'Cannot manage services: this machine does not run Windows', {
        hint: 'Write its file with --dry-run or --root DIR.',
      })
  },
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A word as Windows' programs take their command line apart. */
const word = (text: string): string =>
  /^[^\s"&|<>^%]+$/.test(text)
    ? text
    : `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replaceAll(/(\\+)$/g, '$1$1')}"`

/** cmd takes what the process prints to a file; it runs the task as the account of local services, or as the user. */
function task(spec: ServiceSpec): string {
  const line = `${commandLineOf(spec).map(word).join(' ')} >> ${word(fileOf(spec, 'log'))} 2>&1`
  return `<?xml version="1.0"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>${escaped(descriptionOf(spec))}</Description>
  </RegistrationInfo>
  <Triggers>
    ${spec.scope === 'user' ? '<LogonTrigger />' : '<BootTrigger />'}
  </Triggers>
  <Principals>
    <Principal id="Author">
      ${spec.scope === 'user' ? '<LogonType>InteractiveToken</LogonType>' : '<UserId>S-1-5-19</UserId>'}
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>/d /s /c &quot;${escaped(line)}&quot;</Arguments>
    </Exec>
  </Actions>
</Task>
`
}

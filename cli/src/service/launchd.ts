/** Jobs of launchd, as its manual describes them. Their files are compared with golden ones; none has run on a Mac. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { homedir } from 'node:os'

import type { ServiceManager } from './service-manager.ts'
import { commandLineOf, type ServiceSpec } from './service-spec.ts'

const domainOf = ({ scope }: ServiceSpec): string =>
  scope === 'user' ? `gui/${process.getuid?.() ?? 0}` : 'system'

const logOf = ({ scope, name }: ServiceSpec): string =>
  `${scope === 'user' ? `${homedir()}/Library/Logs` : '/var/log'}/${name}.log`

const pathOf = ({ scope, name }: ServiceSpec): string =>
  scope === 'user'
    ? `${homedir()}/Library/LaunchAgents/${name}.plist`
    : `/Library/LaunchDaemons/${name}.plist`

export const launchd: ServiceManager = {
  name: 'launchd',
  paths: context => ({
    data: `/var/db/agent-mesh/${context}`,
    tokenFile: `/etc/agent-mesh/${context}.join-token`,
  }),
  file: spec => ({ path: pathOf(spec), text: propertyList(spec) }),
  // Jobs in its folder start at boot.
  enableBelow: () => [],
  enable: spec => [['launchctl', 'enable', `${domainOf(spec)}/${spec.name}`]],
  start: spec => [['launchctl', 'bootstrap', domainOf(spec), pathOf(spec)]],
  stop: spec => [['launchctl', 'bootout', `${domainOf(spec)}/${spec.name}`]],
  forget: () => [],
  show: spec => ['launchctl', 'print', `${domainOf(spec)}/${spec.name}`],
  readState: shown => {
    const state = /^\s*state = (.+)$/m.exec(shown)?.[1] ?? 'unknown'
    const pid = Number(/^\s*pid = (\d+)$/m.exec(shown)?.[1])
    return { state, running: state === 'running', ...(pid > 0 && { pid }) }
  },
  logs: (spec, lines, follow) => ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), logOf(spec)],
  check: () => {
    if (process.platform !== 'darwin')
      throw new MeshError('unsupported', 'Cannot manage services: launchd does not run on this machine', {
        hint: 'Write its file with --dry-run or --root DIR.',
      })
  },
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** It is started again whenever it ends, but not more often than each 10 s, which is launchd's own rule. */
const propertyList = (spec: ServiceSpec): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${escaped(spec.name)}</string>
  <key>ProgramArguments</key>
  <array>
${commandLineOf(spec)
  .map(each => `    <string>${escaped(each)}</string>`)
  .join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ExitTimeOut</key>
  <integer>30</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>65536</integer>
  </dict>
  <key>StandardOutPath</key>
  <string>${escaped(logOf(spec))}</string>
  <key>StandardErrorPath</key>
  <string>${escaped(logOf(spec))}</string>
</dict>
</plist>
`

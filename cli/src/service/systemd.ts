/** Units of systemd 247 and newer: no line of a unit needs more. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { existsSync } from 'node:fs'
import { userFolder } from './user-folder.ts'

import type { ServiceManager, ToolCall } from './service-manager.ts'
import { commandLineOf, descriptionOf, type ServiceSpec } from './service-spec.ts'

/** How long a start may take until the service counts as started, ready or not, seconds. */
const readySeconds = 60

const unitOf = ({ name }: Pick<ServiceSpec, 'name'>): string => `${name}.service`
const scoped = ({ scope }: ServiceSpec): string[] => (scope === 'user' ? ['--user'] : [])

const systemctl = (spec: ServiceSpec, ...args: string[]): ToolCall => ['systemctl', ...scoped(spec), ...args]

export const systemd: ServiceManager = {
  name: 'systemd',
  paths: context => ({
    data: `/var/lib/agent-mesh/${context}`,
    tokenFile: `/etc/agent-mesh/${context}.join-token`,
  }),
  file: spec => ({
    path:
      spec.scope === 'user'
        ? `${userFolder('XDG_CONFIG_HOME', '.config')}/systemd/user/${unitOf(spec)}`
        : `/etc/systemd/system/${unitOf(spec)}`,
    text: spec.scope === 'user' ? userUnit(spec) : systemUnit(spec),
  }),
  enableBelow: (root, spec) => [['systemctl', `--root=${root}`, 'enable', '--quiet', unitOf(spec)]],
  enable: spec => [systemctl(spec, 'daemon-reload'), systemctl(spec, 'enable', '--quiet', unitOf(spec))],
  start: spec => [systemctl(spec, 'restart', unitOf(spec))],
  stop: spec => [systemctl(spec, 'disable', '--quiet', '--now', unitOf(spec))],
  forget: spec => [systemctl(spec, 'daemon-reload')],
  show: spec => systemctl(spec, 'show', '--property=ActiveState,SubState,MainPID,NRestarts', unitOf(spec)),
  readState: shown => {
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(shown)?.[1] ?? ''
    const [pid, active] = [Number(value('MainPID')), value('ActiveState')]
    return {
      state: active === '' ? 'unknown' : `${active} (${value('SubState')})`,
      running: active === 'active',
      ...(pid > 0 && { pid }),
      restarts: Number(value('NRestarts')),
    }
  },
  logs: (spec, lines, follow) => [
    'journalctl',
    ...scoped(spec),
    '--no-pager',
    `--lines=${lines}`,
    ...(follow ? ['--follow'] : []),
    `--unit=${unitOf(spec)}`,
  ],
  check: () => {
    if (existsSync('/run/systemd/system')) return
    throw new MeshError('unsupported', 'Cannot manage services: systemd does not run on this machine', {
      hint: 'Run "agent-mesh up" under its supervisor, or write the unit with --dry-run or --root DIR.',
    })
  },
}

/** A word of a command line in a unit; `${NAME}` of the environment is written as it is, by {@link commandText}. */
const word = (text: string): string => {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll('$', () => '$$')}"`
}

/** The command line of a unit as this file writes it; empty when the text has none. */
export function commandOfUnit(text: string): string[] {
  const line = /^ExecStart=(.*)$/m.exec(text)?.[1] ?? ''
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    (quoted ?? plain ?? '').replaceAll(/\\(.)|%(%)|\$(\$)/g, '$1$2$3'),
  )
}

/** Without waiting for it: the unit itself waits until its process is ready. */
export const restartUnit = (spec: ServiceSpec): ToolCall =>
  systemctl(spec, 'restart', '--no-block', unitOf(spec))

const credential = '@${CREDENTIALS_DIRECTORY}/join-token'

const commandText = (words: readonly string[]): string =>
  words.map(each => (each === credential ? credential : word(each))).join(' ')

const head = (spec: ServiceSpec): string => `[Unit]
Description=${descriptionOf(spec)}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
`

/** A membership that ended (4) or wrong options (2) are not mended by another start. */
const life = (spec: ServiceSpec): string => `ExecStartPost=-${commandText([
  ...spec.program,
  '--data',
  spec.data,
  'status',
  '--wait',
  `${readySeconds}s`,
  '--json',
])} --pid $MAINPID
ExecReload=kill -HUP $MAINPID
TimeoutStartSec=${readySeconds + 30}
TimeoutStopSec=30
Restart=always
RestartSec=2
RestartPreventExitStatus=2 4
UMask=0077
LimitNOFILE=65536
`

function systemUnit(spec: ServiceSpec): string {
  const token = spec.tokenFile === undefined ? undefined : credential.slice(1)
  const ports = spec.run === 'up' ? '' : 'CAP_NET_BIND_SERVICE'
  return `${head(spec)}${spec.tokenFile === undefined ? '' : `LoadCredential=join-token:${spec.tokenFile}\n`}ExecStart=${commandText(commandLineOf(spec, token))}
${life(spec)}DynamicUser=yes
StateDirectory=agent-mesh/${spec.context}
StateDirectoryMode=0700
CacheDirectory=agent-mesh/${spec.context}
CacheDirectoryMode=0700
Environment=XDG_CACHE_HOME=/var/cache/agent-mesh/${spec.context}
AmbientCapabilities=${ports}
CapabilityBoundingSet=${ports}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`
}

/** What a manager without privileges can do for a user's process. */
const userUnit = (spec: ServiceSpec): string => `${head(spec)}ExecStart=${commandText(commandLineOf(spec))}
${life(spec)}NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
`

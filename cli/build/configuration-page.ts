/** docs/configuration.md, made from the options of the command: flags, environment and file have one schema. */
import { environmentHelp } from '../src/help/environment.ts'
import { configSchema } from '../src/config/config-file.ts'
import type { Setting } from '../src/config/settings-of.ts'
import { createProgram } from '../src/program.ts'

const beginning = `# Configuration

<!-- Made by "npm run generate" from the options of the command; "npm run check" holds it against them. -->

Each setting of \`up\`, \`relay\` and \`control-plane\` is a flag, an environment variable and a key of the
configuration file, read by the same parser. A flag wins over the environment, the environment over the file,
the file over the default.

## The file

YAML or JSON, named with \`--config FILE\` or \`AGENT_MESH_CONFIG\`; there is no file that is read without being
named. Keys are flags without dashes; the settings of a command stand below its name. One file may serve all
processes of a machine.

\`\`\`yaml
proxy: http://proxy.example.com:3128
up:
  join: "@/run/secrets/join-token"
  name: web-1
  listen: [/ip4/0.0.0.0/tcp/4002]
  mdns: false
  serve: [services/math.ts]
  metrics: 127.0.0.1:9100
  drain: 20s
  log-level: info
control-plane:
  listen: 0.0.0.0:8440
  public-url: https://mesh.example.com
\`\`\`

A file that is named in it (\`serve\`, \`data\`, \`join: "@FILE"\`) is looked for beside the configuration file. A
switch is \`true\` or \`false\`; \`listen: false\` is \`--no-listen\`. Unknown keys, aliases, tags and files over
256 KiB are refused. \`agent-mesh config check FILE\` names each fault with its line and column (exit code 2).

## The environment

An empty variable counts as none. Items of a list have commas between them; a switch is \`true\` or \`false\`.
Beside the settings below the command reads:

`

const reloading = `## Changes while it runs

At SIGHUP a running \`up\`, \`relay\` or \`control-plane\` reads its file again. Settings marked "SIGHUP" change at
once; the log on stderr names what changed and what needs a restart. A file with a fault changes nothing.
The modules of \`up --serve\` are loaded again when they changed on the disk; what they import is not.

The end of a terminal stops a process as Ctrl-C does. With stdout and stderr redirected (\`nohup\`, systemd,
containers) SIGHUP never stops it.
`

const anyCommand = 'All commands'

/** The whole page. */
export function configurationPage(): string {
  const schema = configSchema(createProgram(false, () => undefined))
  const sections = [...schema].map(([section, settings]) => sectionText(section, settings))
  return [
    beginning,
    table(
      ['variable', 'what'],
      environmentHelp.map(([name, what]) => [`\`${name}\``, what]),
    ),
    '\n',
    ...sections,
    reloading,
  ].join('')
}

function sectionText(section: string, settings: readonly Setting[]): string {
  const rows = settings.map(setting => [
    `\`${setting.name}\``,
    `\`${flagOf(setting)}\``,
    setting.env,
    kindOf(setting),
    defaultOf(setting),
    setting.live ? 'SIGHUP' : section === '' ? 'next start' : 'restart',
  ])
  const about = settings.map(({ name, option }) => `- \`${name}\`: ${option.description}`)
  const heading = section === '' ? anyCommand : `\`${section}\``
  const header = ['key', 'flag', 'environment', 'value', 'default', 'changes at']
  return `## ${heading}\n\n${table(header, rows)}\n${about.map(wrap).join('\n')}\n\n`
}

const flagOf = ({ option, refusable, name }: Setting): string =>
  refusable ? `${option.flags}, --no-${name}` : option.flags

function kindOf({ kind, option, refusable }: Setting): string {
  const value = option.argChoices?.map(choice => `\`${choice}\``).join(', ') ?? kindWords[kind]
  return refusable ? `${value}; or none` : value
}

const kindWords = { value: 'text', list: 'list', switch: '`true` or `false`' } as const

function defaultOf({ option }: Setting): string {
  if (option.negate) return '`true`'
  if (option.defaultValue === undefined) return '-'
  return `\`${option.defaultValueDescription ?? String(option.defaultValue)}\``
}

/** Lines of at most 110 columns; what follows the first is set in. */
function wrap(text: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + word.length >= 108) lines.push(`  ${word}`)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}

const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map(cells => `| ${cells.map(cell).join(' | ')} |\n`).join('')

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** The text of `agent-mesh --help` below its commands and options. */
import { exitCodeMeanings } from '../exit-codes.ts'
import { environmentHelp } from './environment.ts'

const examples: readonly (readonly [string, string])[] = [
  ['$ agent-mesh control-plane', 'start a mesh on this machine'],
  ['$ agent-mesh token create --uses 5', 'make a token with which five machines may join'],
  ['$ agent-mesh up --join @FILE', 'join with the token in FILE and run the agent'],
  ['$ agent-mesh peers --watch', 'watch members, their state and path'],
  ['$ agent-mesh call host.info --peer web-1', 'call a method of one member'],
  ['$ agent-mesh call-all host.info', 'call it on all online members'],
  ['$ agent-mesh demo', 'run a demo mesh on this machine'],
  ['$ source <(agent-mesh completion bash)', 'complete commands with the Tab key in this shell'],
]

export const rootHelp = (): string =>
  [
    '',
    ...section('Environment:', environmentHelp),
    ...section(
      'Exit codes:',
      exitCodeMeanings.map(([code, means]) => [String(code), means]),
    ),
    ...section('Examples:', examples),
    'Options and examples of a command: agent-mesh COMMAND --help',
  ].join('\n')

/** A heading, its lines in two columns, and an empty line. */
function section(heading: string, lines: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...lines.map(([left]) => left.length))
  return [heading, ...lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`), '']
}

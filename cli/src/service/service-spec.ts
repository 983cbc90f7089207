/** What the service manager of a machine is to run: a process of this same command. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { realpathSync } from 'node:fs'

import { ownCommand } from '../own-command.ts'

export const servicePrograms = ['up', 'relay', 'control-plane'] as const

export interface ServiceSpec {
  /** Of the unit, job or task: `agent-mesh`, or `agent-mesh-CONTEXT`. */
  name: string
  /** A service of the machine, which starts with it, or of one user. */
  scope: 'system' | 'user'
  context: string
  /** Absolute: the program, and the script that it runs if it is Node. */
  program: readonly string[]
  run: (typeof servicePrograms)[number]
  /** Of `run`, as they are. */
  args: readonly string[]
  /** Its data folder, absolute. */
  data: string
  /** Where its join token is kept, absolute. */
  tokenFile?: string | undefined
}

export const serviceName = (context: string): string =>
  context === 'default' ? 'agent-mesh' : `agent-mesh-${context}`

/** For people: `Agent Mesh agent (staging)`. */
export const descriptionOf = ({ run, context }: ServiceSpec): string =>
  `Agent Mesh ${run === 'up' ? 'agent' : run.replace('-', ' ')}${context === 'default' ? '' : ` (${context})`}`

/** The whole command line of a service, with its token in a file that it reads at the first start alone. */
export const commandLineOf = (
  { program, data, run, args, tokenFile }: ServiceSpec,
  token = tokenFile,
): string[] => [
  ...program,
  '--data',
  data,
  run,
  ...(run === 'control-plane' ? [] : ['--wait']),
  ...(token === undefined ? [] : ['--join', `@${token}`]),
  ...args,
]

/** This command, by the files themselves: a name on the PATH may mean another one later. */
export const ownProgram = (): string[] => ownCommand().map(path => realpathSync(path))

/** A service of the machine runs as a user of its own, who does not see homes. @throws MeshError invalid_argument */
export function checkProgram({ scope, program }: Pick<ServiceSpec, 'scope' | 'program'>): void {
  const hidden = program.find(path => /^\/(?:home|root|run\/user|Users)\//.test(path))
  if (scope === 'user' || hidden === undefined) return
  throw new MeshError(
    'invalid_argument',
    `Cannot install a service of the machine: its user cannot read ${hidden}`,
    {
      hint: 'Install agent-mesh outside of a home folder, for example below /usr/local, or pass --user.',
    },
  )
}

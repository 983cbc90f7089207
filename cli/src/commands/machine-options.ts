/** Options of `up` with which the owner of a machine lets members use it. */
import { InvalidArgumentError, Option, type Command } from 'commander'

import { isOpenToCallers, readAllowedProgram, type AllowedProgram } from '../exec/allowed-program.ts'
import type { AllowedFolder } from '../files/allowed-folders.ts'
import { partsOf } from '../files/file-path.ts'

export const takesMachineOptions = (command: Command): Command =>
  command
    .addOption(allowFilesOption())
    .addOption(allowExecOption())
    .option(
      '--allow-logs',
      'let members read the log of this agent, as far as the policy grants service:files.tail',
    )

const allowFilesOption = () =>
  new Option(
    '--allow-files <dir[:ro]>',
    'let members copy files from and to a folder, :ro from it only, as far as the policy grants service:files.*; may be repeated',
  ).argParser(collectFolder)

function collectFolder(text: string, before: readonly AllowedFolder[] | undefined): AllowedFolder[] {
  const readOnly = text.endsWith(':ro')
  const path = readOnly ? text.slice(0, -':ro'.length) : text
  if (partsOf(path) === undefined)
    throw new InvalidArgumentError(
      'It is not an absolute path without . and .., with or without :ro behind it.',
    )
  return [...(before ?? []), { path, readOnly }]
}

const allowExecOption = () =>
  new Option(
    '--allow-exec <command>',
    "let members run a program, '/usr/bin/systemctl status *' (*: with further arguments that do not begin with -), as far as the policy grants service:exec.run; may be repeated",
  ).argParser(collectProgram)

function collectProgram(text: string, before: readonly AllowedProgram[] | undefined): AllowedProgram[] {
  const program = readAllowedProgram(text)
  if (program === undefined)
    throw new InvalidArgumentError('It does not begin with the absolute path of a program.')
  if (isOpenToCallers(program))
    throw new InvalidArgumentError(
      `Arguments for ${program.program} can make it any other program. Leave out *, or allow a script of your own.`,
    )
  return [...(before ?? []), program]
}

/** Options that `call`, `call-all` and `stream` share, and their request to the agent. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { Option, type Command } from 'commander'

import { collectFields, parseFile, parseParams } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'
import { parseMethod } from '../name-arguments.ts'
import { readParams, type Field } from '../data/call-params.ts'
import { readBytes } from '../data/read-input.ts'
import { callTimeoutOption } from './timeout.ts'

export interface ParamsFlags {
  /** Of both options, in the order of the command line. */
  rawField?: Field[]
  field?: Field[]
  bytes?: string
}

export interface CallFlags extends ParamsFlags {
  timeout?: number
  idempotent?: true
}

export function takesParams(command: Command): Command {
  const fields: Field[] = []
  return command
    .argument('<method>', 'service.method', parseMethod)
    .argument('[params]', 'JSON, @FILE, or - for standard input', parseParams)
    .addOption(
      new Option('-f, --raw-field <key=value>', 'field of the params, as text; may be repeated').argParser(
        collectFields(fields, false),
      ),
    )
    .addOption(
      new Option(
        '-F, --field <key=value>',
        'the same as JSON (1, true, null, [1,2]), or the text of a file: key=@FILE, key=@-',
      ).argParser(collectFields(fields, true)),
    )
    .option(
      '--bytes <file>',
      'raw bytes of a file, or - for standard input: the params, or what follows them',
      parseFile,
    )
}

export const takesCall = (command: Command): Command =>
  takesParams(command)
    .addOption(callTimeoutOption())
    .option('--idempotent', 'the method may run twice: retry the call when its link breaks')

/** For the help of each. */
export const paramsHelp = `
Fields make an object: key[sub]=value nests, key[]=value adds to an array. Every user of this machine can read the command
line: pass secrets with -, @FILE or -F key=@FILE.`

/** @throws MeshError as {@link readParams}; too_large */
export async function callRequest(method: string, source: string | undefined, options: CallFlags) {
  const { idempotent } = options
  const params = await paramsRequest(source, options)
  return { method, ...params, ...(idempotent && { idempotent }) }
}

/** @throws MeshError as {@link readParams}; too_large */
export async function paramsRequest(source: string | undefined, options: ParamsFlags) {
  const { rawField, field, bytes: file } = options
  if (source === '-' && file === '-')
    throw new MeshError(
      'invalid_argument',
      'Cannot call: both the params and --bytes are read from standard input',
    )
  const params = await readParams(source, rawField ?? field ?? [])
  if (file === undefined) return { params }
  const bytes = await readBytes(file, commandDefaults.bodyBytes)
  return { params, bytes: bytes.toString('base64') }
}

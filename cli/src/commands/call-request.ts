/** Options that `call` and `call-all` share, and their request to the agent. */
import { Option, type Command } from 'commander'

import { collectFields, parseParams } from '../arguments.ts'
import { parseMethod } from '../name-arguments.ts'
import { readParams, type Field } from '../data/call-params.ts'
import { timeoutOption } from './timeout.ts'

export interface CallFlags {
  timeout: number
  idempotent?: true
  /** Of both options, in the order of the command line. */
  rawField?: Field[]
  field?: Field[]
}

export function takesCall(command: Command): Command {
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
    .addOption(timeoutOption())
    .option('--idempotent', 'the method may run twice: retry the call when its link breaks')
}

/** For the help of both. */
export const paramsHelp = `
Fields make an object: key[sub]=value nests, key[]=value adds to an array. Every user of this machine can read the command
line: pass secrets with -, @FILE or -F key=@FILE.`

/** @throws MeshError as {@link readParams} */
export async function callRequest(method: string, source: string | undefined, options: CallFlags) {
  const { timeout, idempotent, rawField, field } = options
  const params = await readParams(source, rawField ?? field ?? [])
  return { method, params, timeoutMs: timeout, ...(idempotent && { idempotent }) }
}

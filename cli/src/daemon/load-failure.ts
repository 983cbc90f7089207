import { MeshError } from '@agent-mesh/protocol/errors'
import { stripVTControlCharacters } from 'node:util'

/** Why a module of `--serve` did not load, in one line. */
export function loadFailure(file: string, cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const told = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? ''
  const cannot = (
    reason: string,
    hint?: string,
    kind: 'invalid_argument' | 'not_found' = 'invalid_argument',
  ) => new MeshError(kind, `Cannot serve ${file}: ${reason}`, { cause, ...(hint !== undefined && { hint }) })
  if (code === 'ENOENT')
    return cannot('there is no such file', 'A relative path starts at the current folder.', 'not_found')
  if (code === 'EISDIR' || code === 'ERR_UNSUPPORTED_DIR_IMPORT')
    return cannot('it is a folder', 'Name a module.')
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return cannot('it is no module that Node loads', 'Use .ts, .mts, .js or .mjs.')
  const [, missing] = /^Cannot find (?:package|module) '([^']+)'/.exec(told) ?? []
  if (code === 'ERR_MODULE_NOT_FOUND' && missing !== undefined)
    return cannot(
      `it imports ${missing}, which is not installed`,
      'Install it in the folder of the module or above it.',
    )
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return cannot(
      `${told}${lineOf(cause)}`,
      'Types are stripped and not compiled: no enums, namespaces or parameter properties.',
    )
  const where = `To see where, in the module or one that it imports: node ${file}`
  if (told.includes('does not provide an export')) return cannot(`${lowerFirst(told)}${lineOf(cause)}`, where)
  if (cause instanceof SyntaxError || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX')
    return cannot(`its syntax is wrong: ${told}${lineOf(cause)}`, where)
  return cannot(`it failed while it was loaded: ${told}`, where)
}

/** ` (line 3)`, where the stack of a syntax error names it above its message. */
function lineOf(error: unknown): string {
  const stack = error instanceof Error ? stripVTControlCharacters(error.stack ?? '') : ''
  const [, line] = /^\S+:(\d+)\n/.exec(stack) ?? []
  return line === undefined ? '' : ` (line ${line})`
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

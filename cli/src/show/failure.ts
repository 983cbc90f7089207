import { toMeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import { redact, redactText } from '@agent-mesh/protocol/redact'
import { styleText } from 'node:util'

import { exitCodeOf, type ExitCode } from '../exit-codes.ts'
import { jsonText } from './output.ts'

export interface FailureStyle {
  /** A JSON line on stdout instead of text on stderr. */
  json: boolean
  color: boolean
}

/** Prints the error and its hint, without secrets; returns the exit code. */
export function showFailure(thrown: unknown, { json, color }: FailureStyle): ExitCode {
  const error = toMeshError(thrown, 'internal', 'finish the command')
  const { code, declared } = error
  const message = redactText(error.message)
  const hint = error.hint === undefined ? undefined : redactText(error.hint)
  const details = redact(error.details)
  if (json) process.stdout.write(`${jsonText({ error: { code, declared, message, hint, details } })}\n`)
  else {
    const mark = color ? styleText('red', 'error', { validateStream: false }) : 'error'
    process.stderr.write(`${mark}: ${printable(message)}\n`)
    if (hint !== undefined) process.stderr.write(`${printable(hint)}\n`)
  }
  return exitCodeOf(error)
}

/** A warning beside a result, on stderr. */
export function showWarning(text: string, { color }: Pick<FailureStyle, 'color'>): void {
  const mark = color ? styleText('yellow', 'warning', { validateStream: false }) : 'warning'
  process.stderr.write(`${mark}: ${printable(redactText(text))}\n`)
}

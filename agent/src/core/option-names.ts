/** Options by their names: a misspelt one would be ignored without a word, and its default taken. */
import { nearestName } from '@agent-mesh/protocol/nearest-name'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from './invalid-argument.ts'

/** The names of all options of a type: one that is forgotten here, or that there is not, does not compile. */
export const namesOf = <Options>(names: Readonly<Record<keyof Options, true>>): readonly string[] =>
  Object.keys(names)

/** A name that is not known, and what to write in its place. */
export interface UnknownName {
  readonly name: string
  readonly hint: string
}

/**
 * @param place before the names of nested options: `proxy.` @param kind what the names are of
 * @returns the first name that is not known
 */
export function unknownName(
  given: object,
  known: readonly string[],
  place = '',
  kind: 'options' | 'words' = 'options',
): UnknownName | undefined {
  const unknown = Object.keys(given).find(name => !known.includes(name))
  if (unknown === undefined) return undefined
  const nearest = nearestName(unknown, known)
  const hint =
    nearest === undefined
      ? `The ${kind} are ${known.map(name => place + name).join(', ')}.`
      : `Did you mean ${place}${nearest}?`
  return { name: place + unknown.slice(0, 64), hint }
}

/**
 * @param given options as they were passed; what is no object is checked elsewhere
 * @param place before the names of nested options: `proxy.`
 * @param action what cannot be done with one that there is not
 * @throws MeshError invalid_argument naming the option, and the known one that comes nearest
 */
export function checkNames(given: unknown, known: readonly string[], place = '', action = 'start'): void {
  if (typeof given !== 'object' || given === null) return
  const unknown = unknownName(given, known, place)
  if (unknown === undefined) return
  throw invalidArgument(action, `there is no option ${unknown.name}`, unknown.hint)
}

/**
 * As {@link checkNames}, of options that may be left out, unless they are `needed`.
 * @throws MeshError invalid_argument also for what is no object
 */
export function checkOptions(given: unknown, known: readonly string[], action: string, needed = false): void {
  if (given === undefined && !needed) return
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalidArgument(
      action,
      `its options are ${shownValue(given)}`,
      `Give an object of options${needed ? '' : ', or none'}: ${known.join(', ')}.`,
    )
  checkNames(given, known, '', action)
}

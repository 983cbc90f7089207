/** Options by their names: a misspelt one would be ignored without a word, and its default taken. */
import { MeshError } from '@agent-mesh/protocol'
import { nearestName } from '@agent-mesh/protocol/nearest-name'

/**
 * @param given options as they were passed; what is no object is checked elsewhere
 * @param place before the names of nested options: `proxy.`
 * @throws MeshError invalid_argument naming the option, and the known one that comes nearest
 */
export function checkNames(given: unknown, known: readonly string[], place = ''): void {
  if (typeof given !== 'object' || given === null) return
  const unknown = Object.keys(given).find(name => !known.includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, known)
  throw new MeshError(
    'invalid_argument',
    `Cannot start: there is no option ${place}${unknown.slice(0, 64)}`,
    {
      hint:
        nearest === undefined
          ? `The options are ${known.map(name => place + name).join(', ')}.`
          : `Did you mean ${place}${nearest}?`,
    },
  )
}

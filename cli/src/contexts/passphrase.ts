import { MeshError } from '@agent-mesh/protocol/errors'

import { readInput } from '../data/read-input.ts'
import { askSecret } from '../show/ask-secret.ts'

/**
 * The passphrase of a file (its last newline is none of it), else the one that is typed; never from the command line.
 * @param twice asks again, as a typing error would seal the key permanently
 * @throws MeshError invalid_argument when both differ or there is no terminal; not_found
 */
export async function passphraseOf(
  file: string | undefined,
  { twice, signal }: { twice: boolean; signal: AbortSignal },
): Promise<string> {
  if (file !== undefined) return (await readInput(file, 4096)).replace(/\r?\n$/, '')
  const passphrase = await askSecret('Passphrase', signal)
  if (twice && (await askSecret('Repeat the passphrase', signal)) !== passphrase)
    throw new MeshError('invalid_argument', 'Cannot use the passphrase: the two entries differ')
  return passphrase
}

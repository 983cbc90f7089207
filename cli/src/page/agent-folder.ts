import { join, resolve } from 'node:path'

import { contextName, contextsFolder } from '../settings.ts'

/**
 * The data folder that `--agent` names: a context, or a folder when it has a slash.
 * @param otherwise without the option
 * @throws MeshError invalid_argument for what is no name of a context
 */
export function dataFolderOf(named: string | undefined, otherwise: string): string {
  if (named === undefined) return otherwise
  return /[/\\]/.test(named) ? resolve(named) : join(contextsFolder(), contextName(named))
}

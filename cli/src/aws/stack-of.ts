import { commandDefaults } from '../defaults.ts'
import { readDeployment } from './deployment-file.ts'
import { nextDeployment } from './next-deployment.ts'
import { useAccount } from './use-account.ts'

/**
 * The stack that a command of the operator means: the one deployed from this context, in its account and region.
 * @param given what the operator named
 * @throws MeshError conflict when that is another one than was deployed from here
 */
export async function stackOf(folder: string, given: string | undefined): Promise<string> {
  const last = await readDeployment(folder)
  const named = given === undefined ? {} : { stack: given }
  const deployment = nextDeployment(last, { ...named, set: [], unset: [] }, commandDefaults.stack)
  useAccount(deployment)
  return deployment.stack
}

import { stackNames } from '@agent-mesh/infra/settings/stack-names'

import { cdk } from './cdk.ts'
import { resourcesOf } from './cloud-formation.ts'
import { destroyRelayTokens } from './deploy-relays.ts'
import { writeDeployment, type Deployment } from './deployment-file.ts'
import { forgetGood } from './last-good.ts'
import { isProtected, settingsAsTheyAre, withDeployedStacks } from './stacks.ts'
import { useAccount } from './use-account.ts'

export interface Destruction {
  destroys: { stack: string; resources: number }[]
  /** What stays, and is used again by the next deployment. */
  keeps: { stacks: string[]; tableName?: string; keyArns?: string[] }
}

/** What destroying a deployment would end and what it would leave. Changes nothing. */
export async function planDestruction(deployment: Deployment): Promise<Destruction> {
  useAccount(deployment)
  const { data } = stackNames(deployment.stack)
  const keeps = isProtected(deployment)
  const doomed = deployment.stacks.filter(stack => !keeps || stack !== data).reverse()
  return {
    destroys: await Promise.all(doomed.map(async stack => ({ stack, resources: await resourcesOf(stack) }))),
    keeps: {
      stacks: deployment.stacks.filter(stack => !doomed.includes(stack)),
      ...(keeps ? deployment.data : {}),
    },
  }
}

/** Destroys it. What it keeps, and its settings, are remembered. */
export async function destroy(
  { folder, deployment, signal }: { folder: string; deployment: Deployment; signal: AbortSignal },
  { destroys, keeps }: Destruction,
): Promise<void> {
  const { stack } = deployment
  const settings = settingsAsTheyAre(withDeployedStacks(deployment))
  const names = destroys.map(each => each.stack)
  if (names.length > 0)
    await cdk(['destroy', ...names, '--exclusively', '--force'], { stack, settings, signal })
  await destroyRelayTokens({ stack, settings, signal })
  await forgetGood(folder)
  await writeDeployment(folder, { ...deployment, stacks: keeps.stacks })
}

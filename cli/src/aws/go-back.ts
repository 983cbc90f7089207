/** Deploys the last good deployment in the place of one that failed its checks. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { cdk } from './cdk.ts'
import { writeDeployment } from './deployment-file.ts'
import { initStack } from './first-admin.ts'
import { lastGood, type GoodDeployment } from './last-good.ts'
import { smokeTest } from './smoke-test.ts'
import { wantedStacks } from './stacks.ts'

export interface GoBackInit {
  /** Data folder of the operator. */
  folder: string
  /** Stacks that are there now, with those of the deployment that failed. */
  stacks: readonly string[]
  /** Why the deployment must stay although it failed; undefined: it need not. */
  stays: string | undefined
  signal: AbortSignal
  say: (text: string) => void
}

/**
 * Goes back, as far as there is anything to go back to.
 * @param error why the deployment failed
 * @returns the same error, which says what is deployed now
 */
export async function goBack(error: unknown, init: GoBackInit): Promise<MeshError> {
  const failed = toMeshError(error, 'unavailable', 'finish the deployment')
  if (init.stays !== undefined) return withOutcome(failed, `It stays as it is: ${init.stays}`)
  try {
    const good = await lastGood(init.folder)
    if (good === undefined) return withOutcome(failed, 'It stays as it is: no earlier deployment is kept')
    init.say(`The deployment failed: ${failed.message}`)
    init.say('Going back to the last deployment that passed its checks')
    await deployAgain(good, init)
  } catch (cause) {
    init.signal.throwIfAborted()
    const { message } = toMeshError(cause, 'unavailable', 'deploy it')
    return withOutcome(failed, `Going back failed as well: ${message}`)
  }
  return withOutcome(failed, 'The deployment before it serves again, with its settings')
}

/** Passes when the checks do. */
async function deployAgain(
  { assembly, deployment }: GoodDeployment,
  { folder, stacks, signal, say }: GoBackInit,
): Promise<void> {
  const { stack } = deployment
  const { controlPlane } = wantedStacks(deployment)
  await cdk(['deploy', controlPlane, '--require-approval', 'never'], {
    stack,
    settings: [],
    assembly,
    signal,
  })
  await writeDeployment(folder, { ...deployment, stacks: [...stacks] })
  const { meshId, publicUrl } = await initStack(stack, folder)
  say('Testing the control plane')
  await smokeTest({ folder, publicUrl, meshId, signal })
}

const withOutcome = (failed: MeshError, outcome: string): MeshError => {
  const { code, message, hint } = failed
  return new MeshError(code, `${message}. ${outcome}`, {
    cause: failed,
    ...(hint === undefined ? {} : { hint }),
  })
}

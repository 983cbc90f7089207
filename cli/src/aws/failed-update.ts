/** What is remembered of an update that CloudFormation undid. */
import { writeDeployment, type Deployment } from './deployment-file.ts'

export interface FailedUpdate {
  /** Data folder of the operator. */
  folder: string
  /** What was deployed before. */
  last: Deployment | undefined
  /** Stack of the control plane. */
  controlPlane: string
  /** Stacks that are there now, with those that the update may have made. */
  stacks: readonly string[]
}

/**
 * Remembers the settings of before. Those of a first deployment stay: its stacks are destroyed by them.
 * @returns whether there were any of before @throws MeshError as writeDeployment does
 */
export async function keepFormer({ folder, last, controlPlane, stacks }: FailedUpdate): Promise<boolean> {
  if (last?.stacks.includes(controlPlane) !== true) return false
  await writeDeployment(folder, { ...last, stacks: [...stacks] })
  return true
}

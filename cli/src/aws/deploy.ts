import type { RestoredMesh } from '@agent-mesh/lambdas'
import { stackNames } from '@agent-mesh/infra/settings/stack-names'
import { MeshError } from '@agent-mesh/protocol/errors'

import { cdk } from './cdk.ts'
import { regionInUse, stackExists } from './cloud-formation.ts'
import { deployRelays, destroyRelayTokens } from './deploy-relays.ts'
import { writeDeployment, type Deployment } from './deployment-file.ts'
import { keepFormer } from './failed-update.ts'
import { initStack, restoreStack } from './first-admin.ts'
import { goBack } from './go-back.ts'
import { keepNext, nextAssembly } from './last-good.ts'
import { smokeTest } from './smoke-test.ts'
import { stackFacts } from './stack-facts.ts'
import { isProtected, settingsToDeploy, settingsToShow, wantedStacks, withDeployedStacks } from './stacks.ts'
import { useAccount } from './use-account.ts'

export interface DeployInit {
  /** Data folder of the operator: root key, first admin, and what was deployed. */
  folder: string
  /** What is deployed now, as far as it is known. */
  last: Deployment | undefined
  next: Deployment
  /** Whether the account is prepared for the CDK first. */
  bootstrap: boolean
  /** Whether a deployment that fails its checks gives way to the last one that passed them. */
  rollback: boolean
  /** ms that each check has. */
  checkMs: number
  signal: AbortSignal
  say: (text: string) => void
}

export interface Deployed {
  bootstrapUrl: string
  meshId: string
  /** A join token for a machine: shown once. */
  token: string
  /** The control plane works with another table than before. */
  restored?: RestoredMesh
}

/** Shows what a deployment would change; changes nothing. */
export async function showChanges({ next, signal }: Pick<DeployInit, 'next' | 'signal'>): Promise<void> {
  useAccount(next)
  await cdk(['diff'], {
    stack: next.stack,
    settings: await settingsToShow(next, signal),
    signal,
  })
}

/**
 * Deploys the stacks, makes the mesh and its first admin if they are not there, and asks it what a new member and an admin would.
 * May be repeated; an update leaves mesh and members as they are. A table and keys that an earlier deployment left are used again.
 * @throws MeshError conflict when the table is empty and the mesh of the folder exists, unavailable when a check fails
 */
export async function deploy(init: DeployInit): Promise<Deployed> {
  const { folder, signal, say } = init
  useAccount(init.next)
  const next = await adoptKept({ ...init.next, region: init.next.region ?? (await regionInUse()) }, say)
  const options = { stack: next.stack, settings: await settingsToDeploy(next, signal), signal }
  warnOfAddress(next, say)
  if (init.bootstrap) {
    say('Preparing the account (cdk bootstrap)')
    await cdk(['bootstrap', ...bootstrapOptions(next)], options)
  }
  const { stacks, superseded, controlPlane } = planStacks(next)
  // Before it begins: what a deployment that fails has made is destroyed by its settings, too.
  const present = [...new Set([...next.stacks, ...stacks])]
  await writeDeployment(folder, { ...next, stacks: present })
  say(`Deploying ${next.stack}`)
  const output = await nextAssembly(folder)
  await cdk(['deploy', controlPlane, '--output', output, '--require-approval', 'never'], options).catch(
    async (error: unknown) => {
      const { last } = init
      // CloudFormation undoes an update that fails, and continues one whose operator does not wait for it.
      if (!signal.aborted && (await keepFormer({ folder, last, controlPlane, stacks: present })))
        say('The update failed: deploy.json has the settings of the deployment before it')
      throw error
    },
  )
  const { table: tableName, authorityKeyIds } = await stackFacts(next.stack)
  const data = { tableName, keyArns: [...authorityKeyIds] }
  // A first deployment that fails its checks leaves a mesh all the same.
  if (next.data === undefined) await writeDeployment(folder, { ...next, stacks: present, data })
  const { client, token, ...opened } = await openAndTest({ ...init, next, present })
  await keepNext(folder, { ...next, stacks: present, data })
  await deployRelays(options, request => client.createToken(request, signal), say)
  await destroySuperseded(superseded, init)
  await writeDeployment(folder, { ...next, stacks, data })
  return { token, ...opened }
}

/** @throws MeshError that says what failed, and what is deployed now */
async function openAndTest(init: DeployInit & { present: readonly string[] }) {
  const { next, folder, present, rollback, checkMs, signal, say } = init
  // Members that have seen the documents of a restored table refuse the older ones of the table before.
  let stays = rollback ? undefined : '--no-rollback was given'
  try {
    const { meshId, publicUrl, restored } = await openMesh(next, folder, say)
    if (restored !== undefined) stays = 'members know the restored table by now'
    say('Testing the control plane')
    const tested = await smokeTest({ folder, publicUrl, meshId, checkMs, signal })
    const bootstrapUrl = `${publicUrl}/v1/bootstrap`
    return { ...tested, bootstrapUrl, meshId, ...(restored === undefined ? {} : { restored }) }
  } catch (error) {
    signal.throwIfAborted()
    throw await goBack(error, { folder, stacks: present, stays, signal, say })
  }
}

/** The stack with table and key stays, whatever settings name in its place. */
function planStacks(next: Deployment) {
  const { data, controlPlane, relays } = wantedStacks(next)
  const kept = next.stacks.filter(stack => stack === stackNames(next.stack).data)
  const stacks = [...new Set([...kept, ...[data, controlPlane, relays].filter(stack => stack !== undefined)])]
  return { stacks, superseded: next.stacks.filter(stack => !stacks.includes(stack)), controlPlane }
}

/** With the former settings: the app of the new ones has these stacks no more. */
async function destroySuperseded(
  stacks: readonly string[],
  { last, say, signal }: DeployInit,
): Promise<void> {
  if (stacks.length === 0 || last === undefined) return
  say(`Destroying ${stacks.join(', ')}: the settings do not ask for it any more`)
  const options = {
    stack: last.stack,
    settings: await settingsToShow(withDeployedStacks(last), signal),
    signal,
  }
  await cdk(['destroy', ...stacks, '--exclusively', '--force'], options)
  if (stacks.includes(stackNames(last.stack).relays)) await destroyRelayTokens(options)
}

/** Table and keys outlive their stack: the next control plane uses those that an earlier stack left. */
async function adoptKept(next: Deployment, say: DeployInit['say']): Promise<Deployment> {
  const { data, settings } = next
  const { data: dataStack } = wantedStacks(next)
  if (data === undefined || dataStack === undefined || (await stackExists(dataStack))) return next
  if (!isProtected(next))
    throw new MeshError('conflict', `Cannot deploy: the data of this context's mesh was destroyed with it`, {
      hint: 'For a new mesh use another context: --context NAME.',
    })
  const { tableName, keyArns } = data
  say(`Adopting table ${tableName} and authority key ${keyArns.join(', ')}: stack ${dataStack} is gone`)
  return {
    ...next,
    settings: { tableName, authorityKeyArn: keyArns.join(), ...settings },
    stacks: next.stacks.filter(stack => stack !== dataStack),
  }
}

/** The API's own address is new with each new API, and members keep what their tokens say. */
function warnOfAddress({ stacks, settings }: Deployment, say: DeployInit['say']): void {
  if (stacks.length > 0 || settings['domain'] !== undefined || settings['publicUrl'] !== undefined) return
  say(
    'Warning: without a domain the mesh has the address of its API. Join tokens and members keep that address, and a control plane that is destroyed and deployed again has another. A domain of yours stays: --set domain=mesh.example.com --set hostedZoneId=ZONE.',
  )
}

function bootstrapOptions({ settings: { qualifier, permissionsBoundary } }: Deployment): string[] {
  const own =
    qualifier === undefined
      ? []
      : ['--qualifier', qualifier, '--toolkit-stack-name', `CDKToolkit-${qualifier}`]
  const policy = permissionsBoundary?.split('/').at(-1)
  return policy === undefined ? own : [...own, '--custom-permissions-boundary', policy]
}

async function openMesh(next: Deployment, folder: string, say: DeployInit['say']) {
  const { table } = await stackFacts(next.stack)
  let restored: RestoredMesh | undefined
  if (next.data !== undefined && next.data.tableName !== table) {
    say(`Resuming the mesh with table ${table}`)
    restored = await restoreStack(next.stack, folder)
  }
  say('Creating the mesh and its first admin, unless they exist')
  return { ...(await initStack(next.stack, folder)), restored }
}

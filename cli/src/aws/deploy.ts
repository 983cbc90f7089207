import { stackNames } from '@agent-mesh/infra/settings/stack-names'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as wait } from 'node:timers/promises'

import { adminClient } from '../data/admin-client.ts'
import { commandDefaults } from '../defaults.ts'
import { cdk, type CdkOptions } from './cdk.ts'
import { deployRelays, destroyRelayTokens, relaysIn } from './deploy-relays.ts'
import { initStack } from './first-admin.ts'

export interface Deployed {
  bootstrapUrl: string
  meshId: string
  /** A join token for a machine: shown once. */
  token: string
}

/** Shows what a deployment would change; changes nothing. */
export const showChanges = (options: CdkOptions): Promise<void> => cdk(['diff', '--all'], options)

/**
 * Deploys the stack, makes its mesh and first admin if they are not there, and asks it what a newcomer and an admin
 * would. May be repeated; an update leaves mesh and members as they are.
 */
export async function deploy(
  options: CdkOptions,
  folder: string,
  say: (text: string) => void,
): Promise<Deployed> {
  say('Preparing the account (cdk bootstrap)')
  await cdk(['bootstrap'], options)
  say(`Deploying ${options.stack}`)
  await cdk(['deploy', options.stack, '--require-approval', 'never'], options)
  say('Creating the mesh and its first admin')
  const { publicUrl, meshId } = await initStack(options.stack, folder)
  say('Testing the control plane')
  const bootstrapUrl = `${publicUrl}/v1/bootstrap`
  await smokeTest(bootstrapUrl, meshId, options.signal)
  const client = await adminClient(folder, undefined)
  await deployRelays(options, request => client.createToken(request, options.signal), say)
  const { token } = await client.createToken({ uses: 1, expiresIn: 24 * 3_600 }, options.signal)
  return { bootstrapUrl, meshId, token }
}

/** Deletes all stacks but the one with table and key, unless settings say that it is not to be protected. */
export async function destroy(options: CdkOptions): Promise<void> {
  const { data, controlPlane, relays } = stackNames(options.stack)
  const settings = new Set(options.settings)
  const stacks = [
    ...(relaysIn(options.settings) > 0 ? [relays] : []),
    controlPlane,
    ...(settings.has('protectData=false') ? [data] : []),
  ]
  await cdk(['destroy', ...stacks, '--exclusively', '--force'], options)
  await destroyRelayTokens(options)
}

/** A new API takes a moment to be found. */
async function smokeTest(url: string, meshId: string, signal: AbortSignal): Promise<void> {
  const end = performance.now() + commandDefaults.smokeTestMs
  for (let pause = 500; ; pause *= 2) {
    const answer = await ask(url, signal)
    if (answer === meshId) return
    if (performance.now() + pause > end)
      throw new MeshError(
        'unavailable',
        `Cannot finish the deployment: ${url} answers ${answer}, not mesh ${meshId}`,
        {
          hint: 'The log of the Api function in CloudWatch has the reason. Correct it, then run the command again.',
        },
      )
    await wait(timerDelay(pause), undefined, { signal })
  }
}

async function ask(url: string, signal: AbortSignal): Promise<string> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) })
    const body = (await reply.json()) as { meshId?: unknown }
    return reply.ok ? String(body.meshId) : String(reply.status)
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof Error ? error.message : String(error)
  }
}

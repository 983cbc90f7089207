/** The relays beside a control plane on AWS: deployed after it, since it issues their tokens. */
import { stackNames } from '@agent-mesh/infra/settings/stack-names'
import type { CreateTokenRequest } from '@agent-mesh/protocol/api/tokens'

import { cdk, type CdkOptions } from './cdk.ts'
import { deleteStack } from './cloud-formation.ts'
import { endRelayTokens, putRelayTokens } from './relay-tokens.ts'

/** Relays that the settings ask for, a count. */
export const relaysIn = (settings: readonly string[]): number =>
  Number(settings.findLast(setting => setting.startsWith('relays='))?.slice('relays='.length) ?? 0)

/** Puts a token for each relay where its instance reads it, then deploys them. Without relays it does nothing. */
export async function deployRelays(
  options: CdkOptions,
  createToken: (request: CreateTokenRequest) => Promise<{ token: string }>,
  say: (text: string) => void,
): Promise<void> {
  const count = relaysIn(options.settings)
  if (count === 0) return
  const { relays, relayTokens } = stackNames(options.stack)
  say('Giving each relay a join token')
  await putRelayTokens({ stack: relayTokens, relays: count, createToken, signal: options.signal })
  say(`Deploying ${relays}: one relay after the other`)
  await cdk(['deploy', relays, '--exclusively', '--require-approval', 'never'], options)
  await endRelayTokens({ stack: relayTokens, relays: count, signal: options.signal })
}

/** Deletes what {@link deployRelays} made beside the stack of the CDK. */
export const destroyRelayTokens = ({ stack, signal }: CdkOptions): Promise<void> =>
  deleteStack(stackNames(stack).relayTokens, signal)

/** Join tokens of the relays on AWS: each in a secret that its relay alone may read, in a stack of their own. */
import type { CreateTokenRequest } from '@agent-mesh/protocol/api/tokens'

import { outputsOf, putStack } from './cloud-formation.ts'

/** A relay that was not started by then needs another deployment, s. */
const goodForSeconds = 7 * 24 * 3_600

export interface RelayTokensInit {
  /** Name of the stack; it exports the ARNs of the secrets as `STACK-1`, `STACK-2` … */
  stack: string
  /** Number of relays. */
  relays: number
  /** Asks the control plane for a token. */
  createToken: (request: CreateTokenRequest) => Promise<{ token: string }>
  signal: AbortSignal
}

/**
 * Gives each relay a new token: for one join, with the relay's name fixed, which it takes over from an instance whose disk
 * is lost. A relay that has its disk starts without. The tokens are in no argument and in no template: CloudFormation
 * takes them as parameters that it never shows. Tokens of relays beyond them stay until {@link endRelayTokens}: CloudFormation deletes
 * nothing that another stack imports.
 * @throws MeshError unavailable, permission_denied
 */
export async function putRelayTokens({ stack, relays, createToken, signal }: RelayTokensInit): Promise<void> {
  const most = Math.max(relays, await tokensIn(stack))
  const parameters = keptTokens(most)
  for (let i = 1; i <= relays; i++) {
    const request = {
      uses: 1,
      roles: ['relay'],
      name: `relay-${i}`,
      replace: true,
      expiresIn: goodForSeconds,
    }
    const { token } = await createToken({ ...request, note: `deploy aws: ${stack}` })
    parameters[`Token${i}`] = token
  }
  await putStack({ stack, template: relayTokensTemplate(most), parameters, signal })
}

/** Deletes the tokens of relays that are no more. @param init.relays how many there are, a count */
export async function endRelayTokens({
  stack,
  relays,
  signal,
}: Pick<RelayTokensInit, 'stack' | 'relays' | 'signal'>): Promise<void> {
  if ((await tokensIn(stack)) <= relays) return
  await putStack({ stack, template: relayTokensTemplate(relays), parameters: keptTokens(relays), signal })
}

const tokensIn = async (stack: string): Promise<number> => (await outputsOf(stack)).size

const keptTokens = (count: number): Record<string, string | undefined> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`Token${i + 1}`, undefined] as const))

/** The template of that stack. */
export function relayTokensTemplate(relays: number): object {
  const numbers = Array.from({ length: relays }, (_, i) => i + 1)
  const each = (entry: (i: number) => object) =>
    Object.fromEntries(numbers.map(i => [`Token${i}`, entry(i)] as const))
  return {
    Description: 'Agent Mesh: join tokens of the relays',
    Parameters: each(() => ({ Type: 'String', NoEcho: true })),
    Resources: each(i => ({
      Type: 'AWS::SecretsManager::Secret',
      Properties: {
        Description: `Agent Mesh: join token of relay-${i}, good for one join`,
        SecretString: { Ref: `Token${i}` },
      },
    })),
    Outputs: each(i => ({
      Value: { Ref: `Token${i}` },
      Export: { Name: { 'Fn::Join': ['-', [{ Ref: 'AWS::StackName' }, String(i)]] } },
    })),
  }
}

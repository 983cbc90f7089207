/** Join tokens of the relays on AWS: each in a secret that its relay alone may read, in a stack of their own. */
import type { CreateTokenRequest } from '@agent-mesh/protocol/api/tokens'

import { putStack } from './cloud-formation.ts'

/** A relay that was not started by then needs another deployment, s. */
const goodForSeconds = 7 * 24 * 3_600

export interface RelayTokensInit {
  /** Name of the stack; it exports the ARNs of the secrets as `STACK-1`, `STACK-2` … */
  stack: string
  /** How many relays there are, a count. */
  relays: number
  /** Asks the control plane for a token. */
  createToken: (request: CreateTokenRequest) => Promise<{ token: string }>
  signal: AbortSignal
}

/**
 * Gives each relay a new token: for one join, with the relay's name fixed, which it takes over from an instance whose disk
 * is lost. A relay that has its disk starts without. The tokens are in no argument and in no template: CloudFormation
 * takes them as parameters that it never shows.
 * @throws MeshError unavailable, permission_denied
 */
export async function putRelayTokens({ stack, relays, createToken, signal }: RelayTokensInit): Promise<void> {
  const parameters: Record<string, string> = {}
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
  await putStack({ stack, template: relayTokensTemplate(relays), parameters, signal })
}

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

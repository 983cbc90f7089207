/** Against the AWS emulator, which also has Secrets Manager: part of `npm run test:aws`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeCloud } from '../../../test/support/aws/describe-cloud.ts'
import { startMinistack, type Ministack } from '../../../test/support/aws/ministack.ts'
import { pythonTools } from '../../../test/support/python.ts'
import { deleteStack, outputsOf } from './cloud-formation.ts'
import { endRelayTokens, putRelayTokens } from './relay-tokens.ts'

const stack = 'MeshRelayTokens'
const { signal } = new AbortController()

describeCloud('the tokens of relays', () => {
  let folder = ''
  let emulator: Ministack
  const asked: object[] = []

  const put = (relays: number) =>
    putRelayTokens({
      stack,
      relays,
      signal,
      createToken: request => Promise.resolve({ token: `token-${asked.push(request)}` }),
    })
  /** What a relay reads. The emulator checks no signatures. */
  const manager = async (action: string, body: object): Promise<Record<string, unknown>> => {
    const reply = await fetch(String(emulator.env['AWS_ENDPOINT_URL']), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `secretsmanager.${action}`,
        authorization: 'AWS4-HMAC-SHA256 Credential=agentmesh/20260101/us-east-1/secretsmanager/aws4_request',
      },
      body: JSON.stringify(body),
    })
    return (await reply.json()) as Record<string, unknown>
  }
  const secrets = async (): Promise<unknown[]> => {
    const { SecretList } = (await manager('ListSecrets', {})) as { SecretList: { ARN: string }[] }
    const values = SecretList.map(({ ARN }) => manager('GetSecretValue', { SecretId: ARN }))
    return (await Promise.all(values)).map(({ SecretString }) => SecretString).sort()
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokens-'))
    emulator = await startMinistack(await pythonTools(), folder)
    Object.assign(process.env, emulator.env)
  })
  afterAll(async () => {
    await emulator?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('are one secret each, for one join under the name of the relay', async () => {
    await put(2)
    expect(await secrets()).toEqual(['token-1', 'token-2'])
    expect(asked).toMatchObject([
      { uses: 1, roles: ['relay'], name: 'relay-1', replace: true },
      { uses: 1, roles: ['relay'], name: 'relay-2', replace: true },
    ])
  })

  it('are new after each deployment, and more when there are more relays', async () => {
    await put(3)
    expect(await secrets()).toEqual(['token-3', 'token-4', 'token-5'])
  })

  it('stay while fewer relays are deployed, as the stack of the relays imports them, and end then', async () => {
    await put(1)
    expect([...(await outputsOf(stack)).keys()].sort()).toEqual(['Token1', 'Token2', 'Token3'])
    expect(await secrets()).toEqual(['token-4', 'token-5', 'token-6'])
    await endRelayTokens({ stack, relays: 1, signal })
    expect([...(await outputsOf(stack)).keys()]).toEqual(['Token1'])
    expect(await secrets()).toEqual(['token-6'])
  })

  it('go with their stack, and deleting that again is no failure', async () => {
    await deleteStack(stack, signal)
    expect(await secrets()).toEqual([])
    await deleteStack(stack, signal)
  })
})

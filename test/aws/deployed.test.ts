/** The control plane deployed to an AWS emulator, asked over its real HTTP and WebSocket APIs by real members. */
import {
  controlPlaneClient,
  createAgent,
  createLogger,
  loadIdentity,
  type Agent,
  type ControlPlaneClient,
} from '@agent-mesh/agent'
import { shardOf } from '@agent-mesh/protocol'
import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { lastJson, openWorkshop, type Daemon, type Workshop } from '../support/command.ts'
import { describeCloud } from '../support/aws/describe-cloud.ts'
import { math } from './support/math.ts'
import { openTestCloud, stackName, type TestCloud } from './support/stack.ts'

/** Settings that send members to an address without an answer. */
const nowhere = ['publicUrl=http://127.0.0.1:2', 'watchUrl=ws://127.0.0.1:2']

describeCloud('a deployed control plane', () => {
  let cloud: TestCloud
  let deployed: Record<string, unknown>
  let workshop: Workshop
  let relay: Daemon
  let client: ControlPlaneClient
  const agents: Agent<[typeof math]>[] = []

  const token = async (...args: string[]): Promise<string> =>
    String(lastJson(await cloud.command('token', 'create', ...args))['token'])
  const startAgent = async (name: string) => {
    const agent = await createAgent({
      data: join(cloud.folder, name),
      join: await token(),
      name,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      contracts: [math],
      log: createLogger('test', 'silent'),
    })
    agent.serve({ contract: math, handlers: { add: ({ a, b }) => a + b } })
    agents.push(agent as Agent<[typeof math]>)
    return agent
  }

  beforeAll(async () => {
    cloud = await openTestCloud()
    workshop = await openWorkshop()
    const refused = await cloud.deployWrong(...nowhere)
    expect(refused.stdout + refused.stderr).toMatch(
      /check bootstrap failed: fetch failed: .*127.0.0.1:2.*no earlier deployment is kept/,
    )
    expect(JSON.parse(await readFile(join(cloud.admin, 'deploy.json'), 'utf8'))).toMatchObject({
      data: { tableName: expect.any(String), keyArns: [expect.any(String)] },
    })
    deployed = await cloud.deploy()
    const { signer } = await loadIdentity(cloud.admin, 'admin-identity.json')
    client = controlPlaneClient({ url: cloud.door.url, meshId: String(deployed['meshId']), signer })
  }, 600_000)

  afterAll(async () => {
    for (const agent of agents.reverse()) await agent.stop()
    await workshop?.end()
    await cloud?.close()
  })

  it('tells curl what a newcomer is told', async () => {
    const { stdout } = await promisify(execFile)('curl', ['-sS', '--fail', String(deployed['bootstrapUrl'])])
    expect(JSON.parse(stdout)).toMatchObject({
      meshId: deployed['meshId'],
      watchUrl: `${cloud.door.url.replace('http', 'ws')}/watch`,
    })
  })

  it('prints how to join', () => {
    expect(deployed['token']).toMatch(/^amj1\./)
  })

  it('keeps no secret in the outputs of the stack', async () => {
    const outputs = await cloud.outputs()
    expect([...outputs.keys()].sort()).toEqual([
      'ApiEndpoint',
      'AuthorityKeyArns',
      'BootstrapUrl',
      'MaxMembers',
      'PublicUrl',
      'TableName',
      'WatchEndpoint',
      'WatchUrl',
    ])
  })

  it('pushes the head and the map to a watcher, and each change when it comes', async () => {
    const { watchUrl } = await client.bootstrap({})
    const url = new URL(watchUrl)
    const socket = new WebSocket(url, { headers: await client.authorize(url) })
    const seen: string[] = []
    socket.on('message', data => {
      const { type, page } = JSON.parse(String(data)) as {
        type: string
        page?: { changes: { peerId: string }[] }
      }
      seen.push(type, ...(page?.changes.map(({ peerId }) => peerId) ?? []))
    })
    await expect.poll(() => seen, { timeout: 20_000 }).toContain('head')
    const agent = await startAgent('pushed')
    await expect.poll(() => seen, { timeout: 20_000 }).toContain(agent.peerId)
    socket.close()
  })

  it('refuses a watcher that does not sign', async () => {
    const { watchUrl } = await client.bootstrap({})
    const socket = new WebSocket(watchUrl)
    const refused = await new Promise<string>(resolve => {
      socket.on('error', error => resolve(error.message))
      socket.on('open', () => resolve('open'))
    })
    expect(refused).not.toBe('open')
  })

  it('enrols a relay and agents that find and call each other', async () => {
    relay = await workshop.start('relay', [
      'relay',
      '--join',
      await token('--role', 'relay'),
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
    ])
    const [a, b] = [await startAgent('a'), await startAgent('b')]
    await expect
      .poll(() => a.call('math.add', { a: 1, b: 2 }, { timeout: 2_000 }).catch(String), { timeout: 60_000 })
      .toBe(3)
    expect(b.peerId).not.toBe(a.peerId)
    expect(relay.child.exitCode).toBeNull()
  })

  it('sums up health once a relay has reported', async () => {
    await expect
      .poll(
        async () => (await client.health()).regions.map(({ relaysLeased, online }) => [relaysLeased, online]),
        {
          timeout: 60_000,
        },
      )
      .toEqual([[1, 4]])
    // No request causes this one: the function that the stream starts writes it.
    await expect
      .poll(async () => (await client.health(undefined, 1)).history?.at(-1)?.regions.length, {
        timeout: 60_000,
      })
      .toBe(1)
  })

  it('removes by schedule whose enrolment has lapsed', async () => {
    const [gone] = agents.splice(0, 1)
    if (gone === undefined) throw new Error('no agent')
    await gone.stop()
    await lapse(gone.peerId, String((await cloud.outputs()).get('TableName')))
    await expect
      .poll(
        () =>
          client.member(gone.peerId).then(
            () => 'there',
            ({ code }: { code: string }) => code,
          ),
        {
          timeout: 150_000,
          interval: 2_000,
        },
      )
      .toBe('not_found')
  })

  it('is updated under connected agents without losing a call, a request or a member', async () => {
    const [a] = agents
    const before = deployed['meshId']
    const done = new AbortController()
    const failures: unknown[] = []
    let calls = 0
    const work = (async () => {
      while (!done.signal.aborted) {
        await a
          ?.call('math.add', { a: 1, b: 1 }, { timeout: 5_000 })
          .catch((error: unknown) => failures.push(error))
        await client.bootstrap({}).catch((error: unknown) => failures.push(error))
        calls++
      }
    })()
    const updated = await cloud.deploy('requestRate=400')
    done.abort()
    await work
    expect(failures).toEqual([])
    expect(calls).toBeGreaterThan(0)
    expect(updated['meshId']).toBe(before)
    const late = await startAgent('late')
    await expect
      .poll(() => a?.peers().map(({ peerId }) => peerId), { timeout: 30_000 })
      .toContain(late.peerId)
  })

  it.each([
    ['members do not reach it', 'bootstrap', nowhere],
    ['its functions cannot push to watchers', 'watch', ['pushUrl=http://127.0.0.1:2']],
  ])('gives way to the deployment before it when %s', { timeout: 600_000 }, async (_, check, settings) => {
    const files = () =>
      Promise.all(['deploy.json', 'context.json'].map(file => readFile(join(cloud.admin, file), 'utf8')))
    const before = await files()
    const ran = await cloud.deployWrong(...settings)
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([
      6,
      expect.stringMatching(new RegExp(`check ${check} failed.*serves again, with its settings`)),
    ])
    expect(await files()).toEqual(before)
    const late = await startAgent(`after-${check}`)
    await expect
      .poll(() => late.call('math.add', { a: 1, b: 2 }, { timeout: 2_000 }).catch(String), {
        timeout: 60_000,
      })
      .toBe(3)
  })

  it('is destroyed, and what is enrolled goes on', async () => {
    const ran = await cloud.command('deploy', 'aws', 'destroy', '--yes')
    expect([ran.code, lastJson(ran)]).toMatchObject([
      0,
      { stack: stackName, destroyed: true, keeps: { stacks: [] } },
    ])
    const { status } = await fetch(String(deployed['bootstrapUrl']))
    expect(status).toBeGreaterThanOrEqual(400)
    const [a] = agents
    expect(await a?.call('math.add', { a: 2, b: 2 }, { timeout: 5_000 })).toBe(4)
  })
})

/** As if the member had been offline for longer than renewal is possible, and no sweep had run today. */
async function lapse(peerId: string, TableName: string): Promise<void> {
  const table = new DynamoDB()
  const pk = { S: `N#${String(await shardOf(peerId)).padStart(2, '0')}` }
  await table.updateItem({
    TableName,
    Key: { pk, sk: { S: peerId } },
    UpdateExpression: 'SET #expiresAt = :long',
    ExpressionAttributeNames: { '#expiresAt': 'expiresAt' },
    ExpressionAttributeValues: { ':long': { N: '1' } },
  })
  await table.deleteItem({ TableName, Key: { pk: { S: 'COUNT' }, sk: { S: 'sweep' } } })
}

/** A mesh outlives its control plane, its authority key and its table: on an AWS emulator, with real agents. */
import { createAgent, createLogger, type Agent } from '@agent-mesh/agent'
import { CloudFormation, waitUntilStackDeleteComplete } from '@aws-sdk/client-cloudformation'
import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { KMSClient, CreateKeyCommand } from '@aws-sdk/client-kms'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lastJson, openWorkshop, type Workshop } from '../support/command.ts'
import { describeCloud } from '../support/aws/describe-cloud.ts'
import type { Fact } from './support/shown-reporter.ts'
import { math } from './support/math.ts'
import { openTestCloud, stackName, type TestCloud } from './support/stack.ts'

describeCloud('a mesh on AWS', () => {
  let cloud: TestCloud
  let workshop: Workshop
  let meshId: unknown
  const agents: Agent<[typeof math]>[] = []

  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const ran = await cloud.command(...args)
    if (ran.code !== 0) throw new Error(`${args.join(' ')} failed:\n${ran.stdout}\n${ran.stderr}`)
    return lastJson(ran)
  }
  const token = async (...args: string[]): Promise<string> =>
    String((await json('token', 'create', ...args))['token'])
  /** A new member joins, and every online member answers it. */
  const use = async (name: string): Promise<void> => {
    const agent = await createAgent({
      data: join(cloud.folder, name),
      join: await token(),
      name,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      contracts: [math],
      log: createLogger('test', 'silent'),
    })
    agent.serve({ contract: math, handlers: { add: ({ a, b }) => a + b } })
    for (const other of agents) {
      const add = (from: Agent<[typeof math]>, peer: string) =>
        from.call('math.add', { a: 1, b: 2 }, { timeout: 2_000, peer }).catch(String)
      await expect.poll(() => add(agent, other.peerId), { timeout: 60_000 }).toBe(3)
      await expect.poll(() => add(other, agent.peerId), { timeout: 60_000 }).toBe(3)
    }
    agents.push(agent)
  }
  const deployment = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(cloud.admin, 'deploy.json'), 'utf8')) as Record<string, unknown>
  const output = async (name: string): Promise<string> => String((await cloud.outputs()).get(name))
  const shows = (fact: Fact, task: { meta: { shows?: Fact } }): void => void (task.meta.shows = fact)

  beforeAll(async () => {
    cloud = await openTestCloud({ protectData: true })
    workshop = await openWorkshop()
    ;({ meshId } = await cloud.deploy())
    await workshop.start('relay', [
      'relay',
      '--join',
      await token('--role', 'relay'),
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
    ])
  })

  afterAll(async () => {
    for (const agent of agents.reverse()) await agent.stop()
    await workshop?.end()
    await cloud?.close()
  })

  it('is founded, and agents call each other', async () => {
    await use('first')
    await use('second')
  })

  it('remembers its settings: a deployment without any changes nothing', async () => {
    const before = await deployment()
    await cloud.deploy()
    expect(await deployment()).toEqual(before)
    expect(await json('deploy', 'aws', 'show')).toMatchObject({
      stack: stackName,
      region: 'us-east-1',
      settings: { sweepMinutes: '1' },
      stacks: [`${stackName}Data`, stackName],
    })
  })

  it('refuses a key that its control plane may not sign with', async () => {
    const ran = await cloud.command('admin', 'rotate-key', '--kms-key', await newKey(), '--revoke')
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([8, expect.stringContaining('authorityKeyArn=')])
  })

  it(
    'changes a stolen authority key for another, and signs throughout',
    { timeout: 300_000 },
    async ({ task }) => {
      shows('rotated', task)
      const [stolen, next] = [await output('AuthorityKeyArns'), await newKey()]
      await cloud.deploy(`authorityKeyArn=${stolen},${next}`)
      await use('third')
      expect(await json('admin', 'rotate-key', '--kms-key', next, '--revoke')).toMatchObject({
        revoked: [expect.any(String)],
      })
      await use('fourth')
      await cloud.deploy(`authorityKeyArn=${next}`)
      expect(await output('AuthorityKeyArns')).toBe(next)
      await use('fifth')
    },
  )

  it('shows what destroying it would leave, and asks before it does', async () => {
    const plan = await json('deploy', 'aws', 'destroy', '--dry-run')
    expect(plan).toMatchObject({
      destroys: [{ stack: stackName, resources: expect.any(Number) }],
      keeps: { stacks: [`${stackName}Data`], tableName: await output('TableName') },
    })
    const ran = await cloud.command('deploy', 'aws', 'destroy')
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([2, expect.stringContaining('--yes')])
  })

  it('is the same mesh once its control plane was destroyed and deployed again', async ({ task }) => {
    shows('adopted', task)
    await json('deploy', 'aws', 'destroy', '--yes')
    cloud.door.forget()
    const { status } = await fetch(`${cloud.door.url}/v1/bootstrap`)
    expect(status).toBeGreaterThanOrEqual(400)
    const again = await cloud.deploy()
    expect(again).toMatchObject({ meshId })
    expect(again['restored']).toBeUndefined()
    await use('sixth')
  })

  it('is the same mesh once the stack of its data is gone as well, and only the retained table and keys are left', async () => {
    const [table, keys] = [await output('TableName'), await output('AuthorityKeyArns')]
    await json('deploy', 'aws', 'destroy', '--yes')
    await deleteStack(`${stackName}Data`)
    cloud.door.forget()
    const again = await cloud.deploy()
    expect(again).toMatchObject({ meshId })
    expect(again['restored']).toBeUndefined()
    expect([await output('TableName'), await output('AuthorityKeyArns')]).toEqual([table, keys])
    // From now on its settings name them, and there is no stack of data.
    expect(await deployment()).toMatchObject({
      settings: { tableName: table, authorityKeyArn: keys },
      stacks: [stackName],
      data: { tableName: table, keyArns: keys.split(',') },
    })
    await use('seventh')
  })

  it('is the same mesh once its table was restored from a backup', async ({ task }) => {
    shows('restored', task)
    await restore(await output('TableName'), 'Restored')
    const restored = await cloud.deploy('tableName=Restored')
    expect(restored).toMatchObject({ meshId, restored: { numbers: expect.any(Object) } })
    expect(await output('TableName')).toBe('Restored')
    await use('eighth')
  })

  it('is not founded anew in an empty table: the deployment before serves again', async () => {
    const table = new DynamoDB()
    await table.createTable({
      TableName: 'Empty',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    })
    const before = await deployment()
    const ran = await cloud.command('deploy', 'aws', '--set', 'tableName=Empty')
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([
      8,
      expect.stringContaining('table Empty: it is empty'),
    ])
    expect(ran.stdout + ran.stderr).toContain('serves again, with its settings')
    expect(await deployment()).toEqual(before)
    await use('ninth')
  })
})

async function newKey(): Promise<string> {
  const kms = new KMSClient()
  const { KeyMetadata } = await kms.send(
    new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
  )
  return String(KeyMetadata?.Arn)
}

/** Removes the protection first, as an operator does: table and key are retained. */
async function deleteStack(StackName: string): Promise<void> {
  const client = new CloudFormation()
  await client.updateTerminationProtection({ StackName, EnableTerminationProtection: false })
  await client.deleteStack({ StackName })
  await waitUntilStackDeleteComplete({ client, maxWaitTime: 60 }, { StackName })
}

async function restore(table: string, target: string): Promise<void> {
  const database = new DynamoDB()
  const { BackupDetails } = await database.createBackup({ TableName: table, BackupName: 'before' })
  await database.restoreTableFromBackup({
    TargetTableName: target,
    BackupArn: String(BackupDetails?.BackupArn),
  })
}

/** What `deploy aws destroy` ends, and what settings are refused before anything is changed, on an AWS emulator. */
import { CloudFormation } from '@aws-sdk/client-cloudformation'
import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeCloud } from '../support/aws/describe-cloud.ts'
import { lastJson } from '../support/command.ts'
import { openTestCloud, stackName, type TestCloud } from './support/stack.ts'

describeCloud('destroying a deployment', () => {
  let cloud: TestCloud
  let table = ''

  const command = async (...args: string[]): Promise<[number | null, Record<string, unknown>]> => {
    const ran = await cloud.command('deploy', 'aws', ...args)
    return [ran.code, ran.stdout.trim() === '' ? { stderr: ran.stderr } : lastJson(ran)]
  }
  const remembered = async () =>
    JSON.parse(await readFile(join(cloud.admin, 'deploy.json'), 'utf8')) as Record<string, unknown>
  const deployedStacks = async (): Promise<string[]> => {
    const { Stacks = [] } = await new CloudFormation().describeStacks({})
    const own = Stacks.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE')
    return own
      .map(({ StackName = '' }) => StackName)
      .filter(name => name.startsWith(stackName))
      .sort()
  }

  beforeAll(async () => {
    cloud = await openTestCloud()
  })
  afterAll(() => cloud?.close())

  it('is refused where nothing was deployed', async () => {
    expect(await command('destroy', '--yes')).toMatchObject([7, { error: { code: 'not_found' } }])
    expect(await command('show')).toMatchObject([7, { error: { code: 'not_found' } }])
  })

  // Two deployments.
  const patience = { timeout: 300_000 }
  it(
    'shows stacks that the settings do not ask for any more: table and key were named in place of theirs',
    patience,
    async () => {
      await cloud.deploy()
      const outputs = await cloud.outputs()
      table = String(outputs.get('TableName'))
      const authorityKeyArn = String(outputs.get('AuthorityKeyArns'))
      await cloud.deploy(`tableName=${table}`, `authorityKeyArn=${authorityKeyArn}`)
      const both = [stackName, `${stackName}Data`]
      expect(await deployedStacks()).toEqual(both)
      expect(await command('destroy', '--dry-run')).toMatchObject([
        0,
        { destroys: both.map(stack => ({ stack })), keeps: { stacks: [] } },
      ])
      expect(await deployedStacks()).toEqual(both)
    },
  )

  it.each([
    [['--set', 'domian=mesh.example.com'], 7, 'Did you mean domain?'],
    [['--set', 'sweepMinutes=0'], 2, 'a whole number from 1 to 1440'],
    [['--set', 'domain=mesh.example.com'], 2, 'certificateArn or hostedZoneId is missing'],
    [['--unset', 'tabelName'], 7, 'Did you mean tableName?'],
    [['--stack', 'Another'], 8, 'this context has stack'],
    [['--set', 'tableName=NoSuchTable'], 7, 'NoSuchTable'],
  ] as const)('%j is refused, and changes nothing', async (args, code, reason) => {
    const before = await remembered()
    const ran = await cloud.command('deploy', 'aws', ...args)
    expect([ran.code, ran.stdout]).toEqual([code, expect.stringContaining(reason)])
    expect(await remembered()).toEqual(before)
  })

  it('asks first, and then ends all of them with what they hold', async () => {
    expect(await command('destroy')).toMatchObject([2, { error: { code: 'invalid_argument' } }])
    expect(await command('destroy', '--yes')).toMatchObject([0, { destroyed: true, keeps: { stacks: [] } }])
    expect(await deployedStacks()).toEqual([])
    const { TableNames = [] } = await new DynamoDB().listTables({})
    expect(TableNames).not.toContain(table)
    expect(await remembered()).toMatchObject({ stacks: [] })
  })

  it('may be repeated, and leaves a context that cannot resume a mesh whose data is gone', async () => {
    expect(await command('destroy', '--yes')).toMatchObject([0, { destroys: [] }])
    expect(await command('--unset', 'tableName', '--unset', 'authorityKeyArn')).toMatchObject([
      8,
      { error: { message: expect.stringContaining('the data of this context') } },
    ])
  })
})

/** Two meshes of one stack in an app that is not ours: synthesized clean, deployed to an AWS emulator, and used beside each other. */
import { createAgent, createLogger, type Agent } from '@agent-mesh/agent'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startMinistack, type Ministack } from '../support/aws/ministack.ts'
import { describeCloud } from '../support/aws/describe-cloud.ts'
import { pythonTools } from '../support/python.ts'
import { lastJson, openWorkshop, type Workshop } from '../support/command.ts'
import { frontDoor, type FrontDoor } from './support/front-door.ts'
import { math } from './support/math.ts'
import { apisOf, outputsOf, run } from './support/stack.ts'

const root = join(import.meta.dirname, '..', '..')
const app = `"${process.execPath}" test/aws/foreign-app/app.ts`
const meshes = ['Blue', 'Green'] as const
type Mesh = (typeof meshes)[number]

/** Its output is part of the error. */
async function cdk(...args: string[]): Promise<void> {
  const command = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk')
  const child = spawn(process.execPath, [command, ...args, '--app', app], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  if (code !== 0) throw new Error(`cdk ${args[0] ?? ''} ended with ${String(code)}:\n${stdout}\n${stderr}`)
}

describeCloud('two meshes in a stack of an app of its own', () => {
  let folder: string
  let emulator: Ministack
  let workshop: Workshop
  const doors = {} as Record<Mesh, FrontDoor>
  const meshIds = {} as Record<Mesh, unknown>
  const agents: Agent<[typeof math]>[] = []

  const command = async (mesh: Mesh, ...args: string[]): Promise<Record<string, unknown>> => {
    const ran = await run([...args, '--data', join(folder, mesh), '--json'])
    if (ran.code !== 0) throw new Error(`${args.join(' ')} failed:\n${ran.stdout}\n${ran.stderr}`)
    return lastJson(ran)
  }
  const token = async (mesh: Mesh, ...args: string[]): Promise<string> =>
    String((await command(mesh, 'token', 'create', ...args))['token'])
  const startAgent = async (mesh: Mesh, name: string): Promise<Agent<[typeof math]>> => {
    const agent = await createAgent({
      data: join(folder, name),
      join: await token(mesh),
      name,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      contracts: [math],
      log: createLogger('test', 'silent'),
    })
    agent.serve({ contract: math, handlers: { add: ({ a, b }) => a + b } })
    agents.push(agent)
    return agent
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleet-aws-'))
    emulator = await startMinistack(await pythonTools(), folder)
    Object.assign(process.env, emulator.env)
    workshop = await openWorkshop()
    for (const mesh of meshes)
      doors[mesh] = await frontDoor(emulator.port, () =>
        apisOf(() => outputsOf('Fleet'), emulator.port, mesh),
      )
    const context = ['-c', `blue=${doors.Blue.url}`, '-c', `green=${doors.Green.url}`]
    await cdk('bootstrap', ...context)
    await cdk('deploy', 'Fleet', '--require-approval', 'never', ...context)
  })

  afterAll(async () => {
    for (const agent of agents.reverse()) await agent.stop()
    await workshop?.end()
    for (const door of Object.values(doors)) await door.close()
    await emulator?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('are founded each from a context of its own, by the id of its construct', async () => {
    for (const mesh of meshes) {
      const made = await command(mesh, 'admin', 'init', '--stack', `Fleet/${mesh}`)
      expect(made['publicUrl']).toBe(doors[mesh].url)
      meshIds[mesh] = made['meshId']
    }
    expect(meshIds.Blue).not.toBe(meshIds.Green)
    const grey = await run([
      'admin',
      'init',
      '--stack',
      'Fleet/Grey',
      '--data',
      join(folder, 'Grey'),
      '--json',
    ])
    expect([grey.code, grey.stdout]).toEqual([7, expect.stringContaining('it has no output GreyPublicUrl')])
  })

  it('let agents join, find and call each other, and not those of the other', async () => {
    for (const mesh of meshes)
      await workshop.start(`relay-${mesh}`, [
        'relay',
        '--join',
        await token(mesh, '--role', 'relay'),
        '--listen',
        '/ip4/127.0.0.1/tcp/0',
      ])
    const [a, b] = [await startAgent('Blue', 'a'), await startAgent('Blue', 'b')]
    const c = await startAgent('Green', 'c')
    const add = (peer: string) => a.call('math.add', { a: 1, b: 2 }, { timeout: 2_000, peer }).catch(String)
    await expect.poll(() => add(b.peerId), { timeout: 60_000 }).toBe(3)
    await expect(a.call('math.add', { a: 1, b: 2 }, { timeout: 2_000, peer: c.peerId })).rejects.toThrow()
    expect(c.peers().map(({ peerId }) => peerId)).not.toContain(a.peerId)
  })

  it('count their members each for itself', async () => {
    const names = async (mesh: Mesh) => {
      const { members } = (await command(mesh, 'members', 'list')) as { members: { name: string }[] }
      return members.map(({ name }) => name)
    }
    expect(await names('Blue')).toEqual(expect.arrayContaining(['a', 'b']))
    expect(await names('Green')).toContain('c')
    expect(await names('Green')).not.toContain('a')
  })
})

describeCloud('the app', () => {
  let outdir: string
  let stderr: string
  beforeAll(async () => {
    outdir = await mkdtemp(join(tmpdir(), 'fleet-synth-'))
    const child = spawn(process.execPath, ['test/aws/foreign-app/app.ts'], {
      cwd: root,
      env: { ...process.env, CDK_OUTDIR: outdir },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    ;[stderr] = await Promise.all([text(child.stderr), once(child, 'exit')])
  })
  afterAll(() => rm(outdir, { recursive: true, force: true }))

  it('has no finding of cdk-nag that the constructs do not explain', async () => {
    const report = await readFile(join(outdir, 'validation-report.json'), 'utf8').catch(() => stderr)
    expect(JSON.parse(report)).toMatchObject({
      pluginReports: [{ pluginName: 'AwsSolutions', conclusion: 'success', violations: [] }],
    })
  })

  it('passes cfn-lint without an error', async () => {
    const templates = (await readdir(outdir)).filter(file => file.endsWith('.template.json'))
    expect(templates).toHaveLength(2)
    const lint = spawn(join(await pythonTools(), 'cfn-lint'), templates, { cwd: outdir })
    const [stdout] = await Promise.all([text(lint.stdout), once(lint, 'exit')])
    expect(stdout.match(/^E\d+.*/gm) ?? []).toEqual([])
  })
})

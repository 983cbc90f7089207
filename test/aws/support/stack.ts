/** The deployed stack, as the command deploys it. */
import { CloudFormation } from '@aws-sdk/client-cloudformation'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { commandFile, lastJson, type Ran } from '../../support/command.ts'
import { frontDoor, type Apis, type FrontDoor } from './front-door.ts'
import { startMinistack, type Ministack } from '../../support/aws/ministack.ts'
import { pythonTools } from '../../support/python.ts'

export const stackName = 'AgentMeshTest'

export interface TestCloud {
  readonly emulator: Ministack
  readonly door: FrontDoor
  readonly folder: string
  /** Where the command keeps root key and admin. */
  readonly admin: string
  /** Runs the command with the admin's data folder. */
  command(...args: string[]): Promise<Ran>
  /** `deploy aws`, the first time with the settings of these tests, and with more. */
  deploy(...more: string[]): Promise<Record<string, unknown>>
  /** `deploy aws` with settings that a check finds at fault: it need not be tried for a minute. */
  deployWrong(...settings: string[]): Promise<Ran>
  outputs(): Promise<Map<string, string>>
  close(): Promise<void>
}

/** Sets the environment of this process, too: what it starts and asks finds the emulator. */
export async function openTestCloud({ protectData = false } = {}): Promise<TestCloud> {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-aws-'))
  const emulator = await startMinistack(await pythonTools(), folder)
  Object.assign(process.env, emulator.env)
  const outputs = () => outputsOf(stackName)
  const door = await frontDoor(emulator.port, () => apisOf(outputs, emulator.port))
  const admin = join(folder, 'admin')
  let deployed = false
  const command = (...args: string[]): Promise<Ran> => run([...args, '--data', admin, '--json'])
  const deployWith = (settings: readonly string[], ...options: string[]): Promise<Ran> => {
    const first = deployed ? [] : ['--stack', stackName]
    const all = [...(deployed ? [] : settingsOf(door.url, protectData)), ...settings]
    door.forget()
    return command('deploy', 'aws', ...first, ...options, ...all.flatMap(setting => ['--set', setting]))
  }
  const deployWrong = (...settings: string[]) => deployWith(settings, '--check-timeout', '10s')
  const deploy = async (...more: string[]): Promise<Record<string, unknown>> => {
    const ran = await deployWith(more)
    if (ran.code !== 0) throw new Error(`deploy failed:\n${ran.stdout}\n${ran.stderr}`)
    deployed = true
    return lastJson(ran)
  }
  const close = async (): Promise<void> => {
    await door.close()
    await emulator.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return { emulator, door, folder, admin, command, deploy, deployWrong, outputs, close }
}

/** The outputs of a stack, asked for in the environment of this process. */
export async function outputsOf(StackName: string): Promise<Map<string, string>> {
  const { Stacks: [found] = [] } = await new CloudFormation().describeStacks({ StackName })
  return new Map(found?.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
}

/** Without a limit of its own: a deployment takes as long as the machine lets it. */
export async function run(args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [commandFile, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { code, stdout, stderr }
}

/** The settings of these tests: the sweep runs each minute in place of each hour. */
const settingsOf = (url: string, protectData: boolean): string[] => [
  `publicUrl=${url}`,
  `watchUrl=${url.replace('http', 'ws')}/watch`,
  `pushUrl=${url}/push`,
  'sweepMinutes=1',
  'healthSeconds=1',
  `protectData=${protectData}`,
]

/** Where the emulator has the APIs in the outputs of a stack. @param prefix of the outputs of one of several meshes */
export async function apisOf(
  outputs: () => Promise<Map<string, string>>,
  port: number,
  prefix = '',
): Promise<Apis | undefined> {
  const found = await outputs().catch(() => new Map<string, string>())
  const hostOf = (name: string): string | undefined => {
    const [, id] = /\/\/([^.]+)\./.exec(found.get(`${prefix}${name}`) ?? '') ?? []
    return id === undefined ? undefined : `${id}.execute-api.localhost:${port}`
  }
  const [http, watch] = [hostOf('ApiEndpoint'), hostOf('WatchEndpoint')]
  return http === undefined || watch === undefined ? undefined : { http, watch }
}

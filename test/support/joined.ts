/** Members of a mesh of processes, whose control plane has the folder `cp` of the workshop. */
import { lastJson, runCommand, type Daemon, type Workshop } from './command.ts'

interface JoinedInit {
  /** More options of its token. */
  readonly token?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** Starts a daemon with a token of its own. @param args `relay …` */
export async function joined(
  workshop: Workshop,
  name: string,
  args: readonly string[],
  { token = [], env = {} }: JoinedInit = {},
): Promise<Daemon> {
  const cp = ['--json', '--data', workshop.folder('cp')]
  const made = await runCommand(['token', 'create', '--name', name, ...token, ...cp])
  if (made.code !== 0)
    throw new Error(`Cannot make a token for ${name}: ${made.code} ${made.stdout}${made.stderr}`)
  return workshop.start(name, args, undefined, { ...env, AGENT_MESH_JOIN: String(lastJson(made)['token']) })
}

/** Arguments of an agent on loopback. */
export const upArgs = (...more: string[]): string[] => [
  ...['up', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns'],
  ...more,
]

/** The service `exec` of a machine whose owner allows programs. */
import { implementService, type Agent, type CallContext, type ServiceDefinition } from '@agent-mesh/agent'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { MemberShares } from '../files/member-shares.ts'
import { argumentsOf, type AllowedProgram } from './allowed-program.ts'
import { execContract } from './exec-contract.ts'
import type { ExecEnd } from './exec-values.ts'
import { runProgram } from './run-program.ts'

/** Programs that run at a time, of all callers: more are refused, not kept waiting. */
const mostPrograms = 16
/** Of those, what one member runs: half, so that it does not keep all others out. */
const mostOfOne = 8

type Context = Pick<CallContext, 'caller' | 'app' | 'signal'> & { input: AsyncIterable<Uint8Array> }

interface ServedExecInit {
  readonly agent: Pick<Agent, 'recordUse'>
  readonly allowed: readonly AllowedProgram[]
}

/** @throws MeshError unsupported where there are no process groups */
export function servedExec({ agent, allowed }: ServedExecInit): ServiceDefinition {
  if (process.platform === 'win32')
    throw new MeshError('unsupported', 'Cannot allow programs: win32 has no process groups')
  let running = 0
  const shares = new MemberShares(mostOfOne, tooManyOfOne)

  async function* run(
    { command }: { command: string[] },
    context: Context,
  ): AsyncGenerator<Buffer<ArrayBuffer>, ExecEnd> {
    const record = (more: Record<string, string>, often = false) => {
      const detail = { command: JSON.stringify(command), ...more }
      agent.recordUse({ what: 'exec', from: context.caller, app: context.app, detail, often })
    }
    try {
      const { caller, input, signal } = context
      const found = mustBeAllowed(command, allowed)
      if (running >= mostPrograms)
        throw new MeshError('overloaded', `Cannot run ${command[0]}: ${mostPrograms} programs run here`)
      const leave = shares.begin(caller.sub)
      running++
      try {
        record({})
        const end = yield* runProgram({ ...found, caller, input, signal })
        record({ ended: end.signal ?? `exit code ${end.code}` })
        return end
      } finally {
        running--
        leave()
      }
    } catch (error) {
      record({ refused: toMeshError(error, 'internal', 'run').code }, true)
      throw error
    }
  }
  return implementService(execContract, { run }) as unknown as ServiceDefinition
}

const tooManyOfOne = (running: number) =>
  new MeshError('overloaded', `Cannot run a program: ${running} programs of this member run here`, {
    hint: 'Wait until one of them has ended.',
  })

/** @throws MeshError permission_denied */
function mustBeAllowed(command: readonly string[], allowed: readonly AllowedProgram[]) {
  for (const each of allowed) {
    const args = argumentsOf(command, each)
    if (args !== undefined) return { program: each.program, args }
  }
  const told = allowed.map(({ program, args, more }) => [program, ...args, ...(more ? ['*'] : [])].join(' '))
  throw new MeshError(
    'permission_denied',
    `Cannot run ${command.join(' ').slice(0, 200)}: the owner of that machine does not allow it`,
    {
      hint: `Allowed: ${told.slice(0, 8).join('; ').slice(0, 600)} (*: arguments that do not begin with -).`,
    },
  )
}

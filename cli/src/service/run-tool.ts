/** Runs the tools of service managers. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { spawn } from 'node:child_process'

import type { ToolCall } from './service-manager.ts'

interface Ended {
  code: number | null
  said: string
}

/** @returns what it printed @throws MeshError unsupported when it is missing, permission_denied, unavailable when it fails, cancelled */
export async function runTool(call: ToolCall, signal: AbortSignal): Promise<string> {
  const { code, said } = await ended(call, 'pipe', signal)
  if (code === 0) return said
  const denied = /access (?:is )?denied|authentication required|permission denied|not permitted/i.test(said)
  throw new MeshError(
    denied ? 'permission_denied' : 'unavailable',
    `Cannot manage the service: "${call.join(' ')}" ended with ${code}: ${said.trim().slice(0, 2_000)}`,
    {
      hint: denied ? 'Run it as root (sudo), on Windows as administrator.' : 'See "agent-mesh service logs".',
    },
  )
}

/** Its output goes to that of this command, until it ends or `signal` aborts. */
export async function showTool(call: ToolCall, signal: AbortSignal): Promise<number> {
  const { code } = await ended(call, 'inherit', signal)
  return code ?? 0
}

function ended([tool, ...args]: ToolCall, output: 'pipe' | 'inherit', signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ['ignore', output, output] })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const stop = () => child.kill('SIGTERM')
    signal.addEventListener('abort', stop)
    child.on('error', cause => {
      signal.removeEventListener('abort', stop)
      reject(
        new MeshError('unsupported', `Cannot manage the service: ${tool} cannot be run`, {
          cause,
          hint: `Install ${tool}, or run "agent-mesh up" under another supervisor.`,
        }),
      )
    })
    child.on('close', code => {
      signal.removeEventListener('abort', stop)
      if (signal.aborted && output === 'pipe')
        reject(new MeshError('cancelled', `Cannot manage the service: ${tool} was interrupted`))
      else resolve({ code, said })
    })
  })
}

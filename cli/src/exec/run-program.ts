/** A program as a process group of its own: its input, what it writes, and its end. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import type { Readable, Writable } from 'node:stream'

import { systemCode } from '@agent-mesh/agent/identity/private-file'
import { untilTaken } from '@agent-mesh/agent/rpc/pipes/until-taken'
import type { Subject } from '@agent-mesh/protocol/policy'
import { MeshError } from '@agent-mesh/protocol/errors'

import type { ExecEnd } from './exec-values.ts'
import { outputs } from './output-bytes.ts'

/** Between asking its processes to end and ending them, ms. */
const graceMs = 2_000

interface ProgramRun {
  readonly program: string
  readonly args: readonly string[]
  readonly caller: Pick<Subject, 'sub' | 'name'>
  readonly input: AsyncIterable<Uint8Array>
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * Yields what it writes, as fast as that is taken: a program that writes more waits. However it is left, no process of its group stays.
 * @throws MeshError not_found, permission_denied when it does not start
 */
export async function* runProgram(run: ProgramRun): AsyncGenerator<Buffer<ArrayBuffer>, ExecEnd> {
  const child = await started(run)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  closed.catch(() => undefined)
  const end = () => endGroup(child, closed)
  run.signal.addEventListener('abort', end, { once: true })
  if (run.signal.aborted) end()
  void feed(child, run.input)
  try {
    yield* outputOf(child, closed)
    const [code, signal] = await closed
    return { ...(code !== null && { code }), ...(signal !== null && { signal }) }
  } finally {
    run.signal.removeEventListener('abort', end)
    // Also what it left running in the background.
    end()
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  }
}

async function started({ program, args, caller }: ProgramRun): Promise<Child> {
  const child = spawn(program, args, {
    cwd: '/',
    // That of the agent may have tokens and keys in it.
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: homedir(),
      LANG: 'C.UTF-8',
      MESH_PEER: caller.sub,
      MESH_NAME: caller.name,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    shell: false,
  })
  try {
    await once(child, 'spawn')
  } catch (cause) {
    const code = systemCode(cause)
    const known = code === 'ENOENT' ? 'not_found' : 'permission_denied'
    throw new MeshError(known, `Cannot run ${program}: ${code}`, { cause })
  }
  // A program need not read its input.
  child.stdin.on('error', () => {})
  return child
}

/** Its input, until it takes no more. */
async function feed({ stdin }: Child, input: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of input) {
      if (stdin.destroyed) return
      if (!stdin.write(bytes)) await untilTaken(stdin, 'drain')
    }
  } catch {
    // The program takes no more, the caller is gone, or has sent what is no input: `signal` or the end of the stream says so.
  } finally {
    stdin.end()
  }
}

async function* outputOf(child: Child, closed: Promise<unknown>): AsyncGenerator<Buffer<ArrayBuffer>, void> {
  const streams = [child.stdout, child.stderr]
  const pieces: Buffer<ArrayBuffer>[] = []
  let isClosed = false
  let changed = Promise.withResolvers<void>()
  for (const [channel, stream] of [
    [outputs.stdout, child.stdout],
    [outputs.stderr, child.stderr],
  ] as const)
    stream.on('data', (bytes: Buffer) => {
      pieces.push(Buffer.concat([Buffer.of(channel), bytes]))
      for (const each of streams) each.pause()
      changed.resolve()
    })
  const onClosed = () => {
    isClosed = true
    changed.resolve()
  }
  closed.then(onClosed, onClosed)
  for (;;) {
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece
    if (isClosed) return
    changed = Promise.withResolvers<void>()
    for (const stream of streams) stream.resume()
    await changed.promise
  }
}

/** Asks the group to end, and ends what is left of it. Then nothing is read any more: a process that left the group may still write. */
function endGroup({ pid, stdout, stderr }: Child, closed: Promise<unknown>): void {
  if (pid === undefined) return
  signalGroup(pid, 'SIGTERM')
  const timer = setTimeout(() => {
    signalGroup(pid, 'SIGKILL')
    for (const stream of [stdout, stderr]) stream.destroy()
  }, graceMs)
  const cleared = () => {
    // The processes behind the first one may still run.
    if (!signalGroup(pid, 0)) clearTimeout(timer)
  }
  closed.then(cleared, cleared)
}

/** @returns whether there is such a group */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

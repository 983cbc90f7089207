import { MeshError } from '@agent-mesh/protocol/errors'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

import { ownCommand } from '../own-command.ts'
import { childEnvironment } from '../settings.ts'
import { demoDefaults } from './defaults.ts'

/** A process of this same command that the demo started and will end. */
export interface Child {
  readonly name: string
  readonly data: string
  /** Its ready line. */
  readonly ready: Promise<Record<string, unknown>>
  readonly running: boolean
  /** Asks it to stop, kills it after a while, resolves when it has exited. Idempotent. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/**
 * Starts `agent-mesh ARGS --data DATA --json`; it ends with this process, however that ends.
 * @param join token, which every user of the machine could read in the arguments
 */
export function startChild(name: string, data: string, args: readonly string[], join?: string): Child {
  const [program, ...first] = ownCommand()
  // The channel carries nothing: its end shows the child that the demo has exited.
  const child = spawn(program, [...first, ...args, '--data', data, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: childEnvironment(join),
  })
  const exited = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const ready = firstLine(name, child, exited)
  // A demo that is stopped before it is ready never asks.
  ready.catch(() => undefined)
  return {
    name,
    data,
    ready,
    get running() {
      return child.exitCode === null && child.signalCode === null && child.pid !== undefined
    },
    stop: signal => stop(child, exited, signal ?? 'SIGTERM'),
  }
}

async function firstLine(
  name: string,
  child: ChildProcess,
  exited: Promise<void>,
): Promise<Record<string, unknown>> {
  let complaints = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-demoDefaults.complaintChars)
  })
  const line = await new Promise<string | undefined>(resolve => {
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', resolve)
    void exited.then(() => resolve(undefined))
    setTimeout(() => resolve(undefined), demoDefaults.readyMs).unref()
  })
  const told = parsed(line)
  if (told?.['event'] === 'ready') return told
  const reason = line ?? (complaints === '' ? `not ready within ${demoDefaults.readyMs} ms` : complaints)
  throw new MeshError('unavailable', `Cannot start ${name}: ${reason.trim()}`)
}

function parsed(line: string | undefined): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line ?? '') as Record<string, unknown>
  } catch {
    return undefined
  }
}

async function stop(
  child: ChildProcess,
  exited: Promise<void>,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  const insist = setTimeout(() => child.kill('SIGKILL'), demoDefaults.stopMs)
  await exited
  clearTimeout(insist)
  if (child.connected) child.disconnect()
}

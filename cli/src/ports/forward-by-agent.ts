/** Ports of this machine on which its agent listens for a command: the client of `POST /v1/forward` on its socket. */
import { openLines } from '@agent-mesh/agent/gateway/local-lines'
import { problemIn } from '@agent-mesh/agent/gateway/local-socket'
import type { Problem } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol/errors'
import {
  localForwardLine,
  type LocalForwardLine,
  type LocalForwardRequest,
} from '@agent-mesh/protocol/local-forward'
import { parseJson } from '@agent-mesh/protocol/parse'
import { startTimer } from '@agent-mesh/protocol/timers'

import { checkSocketPath } from '../data/data-folder.ts'
import type { ForwardInit } from './forward-port.ts'
import type { MemberPort } from './local-pipe.ts'
import { ownNetwork } from './own-network.ts'

const path = '/v1/forward'
/** An agent that listens answers at once; one that is stopped by a debugger never does. ms */
const answerMs = 2_000
/** The agent has this long to close the listener, ms; the end of the connection closes it as well. */
const endMs = 1_000
/** A line is an error: its message, hint and details, bytes. */
const mostBytes = 1024 * 1024

/** A listener of the agent. */
export interface AgentListener {
  host: string
  port: number
  /** Resolves when the agent does not listen any longer. */
  ended: Promise<void>
  /** Resets connections; the port is free when it resolves. Idempotent. */
  stop(): Promise<void>
}

/**
 * Asks the agent of a data folder to listen for connections to a port of a member.
 * @param signal ends the asking, not the listener
 * @throws MeshError what the agent answers, unsupported by one of an older version; unavailable, deadline_exceeded, cancelled
 */
export async function forwardByAgent(
  folder: string,
  to: MemberPort,
  { listen, failed }: Pick<ForwardInit, 'listen' | 'failed'>,
  signal: AbortSignal,
): Promise<AgentListener> {
  checkSocketPath(folder)
  const network = ownNetwork()
  const request: LocalForwardRequest = { ...to, listen, ...(network !== undefined && { network }) }
  const asking = new AbortController()
  const cancel = () => asking.abort(cancelled())
  signal.addEventListener('abort', cancel)
  if (signal.aborted) cancel()
  const timer = startTimer(answerMs, () => asking.abort(noAnswer()))
  const left = Promise.withResolvers<void>()
  const asked = { path, first: JSON.stringify(request), mostBytes }
  try {
    const { lines, leave } = await openLines(folder, {
      ...asked,
      input: until(left.promise),
      signal: asking.signal,
    })
    const told = linesOf(lines)
    const { value: first } = await told.next()
    if (first === undefined || !('listening' in first)) throw ended()
    const reading = report(told, failed).finally(() => left.resolve())
    const stop = async () => {
      left.resolve()
      const giveUp = startTimer(endMs, () => leave(ended()))
      await reading
      giveUp.cancel()
    }
    const { host, port } = first.listening as { host: string; port: number }
    return { host, port, ended: reading, stop }
  } catch (error) {
    left.resolve()
    throw error
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', cancel)
  }
}

/** The failures of connections, until the agent ends it: what then happens to the port is decided by its caller. */
async function report(
  lines: AsyncIterable<LocalForwardLine>,
  failed: (error: MeshError) => void,
): Promise<void> {
  try {
    for await (const line of lines) if ('failed' in line) failed(problemIn(line.failed as Problem, path))
  } catch {
    // The agent has stopped, or did not close the listener in time.
  }
}

async function* linesOf(lines: AsyncIterable<string>): AsyncGenerator<LocalForwardLine, void, undefined> {
  for await (const text of lines) {
    const line = parseJson(localForwardLine, text, `read the reply of ${path}`, 'protocol_error')
    if ('error' in line) throw problemIn(line.error as Problem, path)
    yield line as LocalForwardLine
  }
}

/** Sends nothing, and ends then. */
// eslint-disable-next-line require-yield
async function* until(then: Promise<void>): AsyncGenerator<string, void, undefined> {
  await then
}

const noAnswer = () =>
  new MeshError('deadline_exceeded', `Cannot ask the agent to listen: no answer within ${answerMs} ms`)
const cancelled = () => new MeshError('cancelled', 'Cannot ask the agent to listen: interrupted')
const ended = () => new MeshError('unavailable', 'Cannot listen by the agent: it has stopped')

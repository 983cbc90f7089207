import { MeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { flushCompileCache } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'

import type { Invocation } from '../commands/define.ts'
import { ownDataFolder, type OwnedFolder } from '../data/data-folder.ts'
import { commandDefaults } from '../defaults.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal } from '../local/local-server.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { collectAtRest, collectGarbage, processUsage } from './collect-at-rest.ts'
import { daemonLog, type LogFormat } from './daemon-log.ts'
import { reloadOnHangup, type LiveSettings } from './reload.ts'
import { serveOperations } from './operations-server.ts'

export interface StartedDaemon {
  /** Its answers on the local socket. */
  local: LocalDaemon
  /** Prometheus text, of what has no port of its own for it. */
  metrics?: () => Promise<string>
  /** Printed once on stdout, as `{"event":"ready", …}` or as text. */
  ready: {
    fields: Record<string, unknown>
    /** @param flags what printed commands need to mean this context: ` --context x`, or nothing */
    text: (output: Output, flags: string) => Text
  }
  /** Settings that SIGHUP changes. */
  live: LiveSettings
  /** Gets each line of its log, too. */
  kept?: { add(line: string): void } | undefined
  /** Idempotent; finishes what runs. */
  stop(): Promise<void>
}

export interface DaemonInit {
  kind: 'agent' | 'relay' | 'control-plane'
  /** Shown while it takes long. */
  starting: string
  /** Where to serve health and metrics. @default nowhere */
  metricsListen?: { host: string; port: number } | undefined
  /** Time that running work has to end when it stops, ms. @default 0 */
  drainMs?: number
  /** Of what it logs itself. @default json */
  logFormat?: LogFormat | undefined
  /** Starts it in the data folder; `signal` aborts when the process is asked to stop meanwhile. */
  start(folder: OwnedFolder, signal: AbortSignal): Promise<StartedDaemon>
}

/**
 * Runs a daemon in the foreground until a signal: owns the data folder, serves the local socket, stops cleanly.
 * @throws MeshError when it cannot start, internal when it cannot stop in time
 */
export async function runDaemon(
  { settings, output, signal, reload }: Omit<Invocation<object>, 'options'>,
  { kind, starting, metricsListen, drainMs = 0, logFormat = 'json', start }: DaemonInit,
): Promise<void> {
  const folder = await ownDataFolder(settings.data, kind)
  let started = false
  try {
    const daemon = await withProgress(settings, starting, () => start(folder, signal))
    started = true
    // The next process starts from the compile cache of this one; Node writes it only at a clean exit.
    flushCompileCache()
    const stop = () => inTime(daemon.stop(), kind, drainMs + commandDefaults.stopMs)
    const reloads = reloadOnHangup(
      { reload, signal },
      daemon.live,
      daemonLog('reload', { logLevel: 'info', logFormat }, daemon.kept),
    )
    const ending = new AbortController()
    const collecting = collectAtRest(collection, ending.signal)
    try {
      const isReady = (fields: object) =>
        output.result({ event: 'ready', kind, data: folder.path, ...daemon.ready.fields, ...fields }, () =>
          daemon.ready.text(output, settings.flags),
        )
      await serveWhile(() => aborted(signal).then(stop), folder.path, daemon, metricsListen, isReady)
    } finally {
      ending.abort()
      await Promise.all([reloads.idle(), collecting])
      await stop()
    }
  } finally {
    await folder.release(!started)
  }
}

const collection = {
  ...commandDefaults.collection,
  usage: processUsage,
  collect: collectGarbage,
}

/** Answers on the local socket, and over TCP if wanted, while `work` runs: it says that it is not ready while it drains. */
async function serveWhile(
  work: () => Promise<void>,
  folder: string,
  { local, metrics }: StartedDaemon,
  listen: DaemonInit['metricsListen'],
  ready: (fields: { metricsUrl?: string }) => void,
): Promise<void> {
  const server = await serveLocal(folder, local)
  try {
    if (listen === undefined || metrics === undefined) {
      ready({})
      return await work()
    }
    const operations = await serveOperations({ listen, status: () => local.status(), metrics })
    try {
      ready({ metricsUrl: operations.url })
      await work()
    } finally {
      await operations.stop()
    }
  } finally {
    await server.stop()
  }
}

/** Keeps the process alive too: an idle daemon has nothing else that must. */
async function aborted(signal: AbortSignal): Promise<void> {
  const hour = 3_600_000
  while (!signal.aborted) await wait(timerDelay(hour), undefined, { signal }).catch(() => undefined)
}

async function inTime(stopping: Promise<void>, kind: string, ms: number): Promise<void> {
  const cancel = new AbortController()
  const late = sleep(ms, { signal: cancel.signal }).then(() => {
    throw new MeshError('internal', `Cannot stop the ${kind} within ${ms} ms: the process exits now`)
  })
  try {
    await Promise.race([stopping, late])
  } finally {
    cancel.abort()
    await late.catch(() => undefined)
  }
}

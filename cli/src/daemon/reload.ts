/** Reload at SIGHUP: reads the configuration again, applies what can change, logs what needs a restart. */
import type { Logger, LogLevel } from '@agent-mesh/agent/observe/logger'
import { toMeshError } from '@agent-mesh/protocol/errors'
import { isDeepStrictEqual } from 'node:util'

import type { Invocation } from '../commands/define.ts'
import type { Resolved } from '../config/resolve-settings.ts'

/** By the name of a setting that can change: takes its value. It throws to leave everything as it was. */
export type LiveSettings = Readonly<Record<string, (value: never) => void | Promise<void>>>

/** Of every process with a log. */
export const liveLogLevel = (log: { level: string }): LiveSettings => ({
  'log-level': (level: LogLevel) => {
    log.level = level
  },
})

/** Reloads one after the other until `signal` aborts; a failure is logged and changes nothing. */
export function reloadOnHangup(
  { reload, signal }: Pick<Invocation<object>, 'reload' | 'signal'>,
  live: LiveSettings,
  log: Logger,
): { idle(): Promise<void> } {
  /** What the process works with: what needs a restart is compared with that, however often it changes. */
  let running = reload.resolved
  let last: Promise<void> = Promise.resolve()
  reload.onReload(() => {
    last = last.then(async () => {
      if (signal.aborted) return
      try {
        const next = await reload.again()
        const changes = await applyChanges(running, next, live)
        log.info({ ...changes, event: 'settings-reloaded' }, 'reloaded')
        running = running.map(each => {
          const { name } = each.setting
          return changes.changed.includes(name)
            ? (next.find(({ setting }) => setting.name === name) ?? each)
            : each
        })
      } catch (error) {
        log.error(
          { event: 'settings-not-reloaded', err: toMeshError(error, 'internal', 'reload') },
          'not reloaded: the settings are unchanged',
        )
      }
    })
  })
  return { idle: () => last }
}

/** Which settings changed, and which of them wait for a restart. */
async function applyChanges(
  before: readonly Resolved[],
  after: readonly Resolved[],
  live: LiveSettings,
): Promise<{ changed: string[]; needRestart: string[] }> {
  const changed: string[] = []
  const needRestart: string[] = []
  for (const { setting, value } of after) {
    const { name } = setting
    const known = before.find(each => each.setting.name === name)
    const isSame = isDeepStrictEqual(known?.value, value)
    const apply = live[name] as ((value: unknown) => void | Promise<void>) | undefined
    // The modules of services may have changed under the same names.
    if (isSame && name !== 'serve') continue
    if (apply !== undefined) await apply(value)
    if (!isSame) (apply === undefined ? needRestart : changed).push(name)
  }
  return { changed, needRestart }
}

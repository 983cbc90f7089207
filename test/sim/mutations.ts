/**
 * Faults planted in the modules of failure detection themselves: a simulator that finds nothing proves nothing. A mutation replaces a
 * piece of the source of one module when it is loaded; the run that is named with it must then fail.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'

export interface Mutation {
  /** In agent/src/membership/swim. */
  file: string
  /** Occurs once. */
  from: string
  to: string
  /** What `npm run sim --` is given, and what it then complains of. */
  args: string
  complaint: RegExp
}

const folder = join(import.meta.dirname, '..', '..', 'agent', 'src', 'membership', 'swim')

export const mutations: Record<string, Mutation> = {
  'buries the slow': {
    file: 'settings.ts',
    from: 'suspicionMinMs: 3_000,\n  suspicionMaxMs: 9_000,',
    to: 'suspicionMinMs: 1_000,\n  suspicionMaxMs: 1_000,',
    args: '--members 30 --relays 0 --hours 0.05 --paused 0.3 --crashes 0',
    complaint: /judged .* dead, and it runs/,
  },
  'revives the dead': {
    file: 'evidence.ts',
    from: 'memberStates[a.state] - memberStates[b.state]',
    to: 'memberStates[b.state] - memberStates[a.state]',
    args: '--members 30 --relays 0 --hours 0.05 --paused 0 --crashes 0 --kill 0.3',
    complaint: /the survivors do not agree|lives again/,
  },
  'dials no dead member': {
    file: 'swim.ts',
    from: "if (peer !== undefined) this.#effects.push({ type: 'dial', to: peer })",
    to: 'void peer',
    args: '--members 20 --relays 0 --hours 0.12 --faults split',
    complaint: /at the end .* believes .* dead/,
  },
}

/** Modules loaded from now on have the fault. @throws Error when the source does not have the piece, once */
export function plant(name: string): void {
  const mutation = mutations[name]
  if (mutation === undefined)
    throw new Error(`Cannot plant ${name}: there are ${Object.keys(mutations).join(', ')}`)
  const path = join(folder, mutation.file)
  const pieces = readFileSync(path, 'utf8').split(mutation.from)
  if (pieces.length !== 2)
    throw new Error(
      `Cannot plant '${name}': ${mutation.file} has '${mutation.from}' ${pieces.length - 1} times`,
    )
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      return url.endsWith(`/membership/swim/${mutation.file}`)
        ? { ...loaded, source: pieces.join(mutation.to) }
        : loaded
    },
  })
}

// As `--import`: the name is in the environment of the run.
const planted = process.env['SIM_MUTATION']
if (planted !== undefined) plant(planted)

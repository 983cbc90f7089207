import { expect, it } from 'vitest'
import { refusal } from '../../../test/support/refusal.ts'
import { Listeners } from '../core/listeners.ts'
import type { Providers } from '../services/index.ts'
import { awaitProvider } from './await-provider.ts'

const none: Providers = { good: [], doubtful: [], offline: [] }

/** A map that emits each change. */
class Known {
  readonly changed = new Listeners<void>(() => {})
  listening = 0
  #providers = none

  set(providers: Partial<Providers>): void {
    this.#providers = { ...none, ...providers }
    this.changed.emit()
  }

  readonly init = {
    targets: { providers: () => this.#providers },
    changes: [
      (listener: () => void) => {
        this.listening++
        const stop = this.changed.add(listener)
        return () => {
          this.listening--
          stop()
        }
      },
    ],
  }
}

it('ends at once where a member serves it', async () => {
  const known = new Known()
  known.set({ doubtful: ['a'] })
  await awaitProvider(known.init, 'math', { timeout: 0 })
})

it('waits for a member that is not believed offline', async () => {
  const known = new Known()
  const waiting = awaitProvider(known.init, 'math', { timeout: 10_000 })
  let ended = false
  void waiting.then(() => (ended = true))
  known.set({ offline: ['a'] })
  await Promise.resolve()
  expect(ended).toBe(false)
  known.set({ good: ['a'] })
  await waiting
  expect(known.listening).toBe(0)
})

it('ends with what was missing when the time is over, and listens no more', async () => {
  const known = new Known()
  expect(await refusal(awaitProvider(known.init, 'math@2', { timeout: 5 }))).toBe(
    'deadline_exceeded: Cannot wait for math@2: no member served it within 5 ms',
  )
  expect(known.listening).toBe(0)
})

it('ends when its caller gives up', async () => {
  const known = new Known()
  const giveUp = new AbortController()
  const waiting = refusal(awaitProvider(known.init, 'math', { signal: giveUp.signal }))
  giveUp.abort()
  expect(await waiting).toContain('cancelled: ')
  expect(await refusal(awaitProvider(known.init, 'math', { signal: giveUp.signal }))).toContain('cancelled: ')
  expect(known.listening).toBe(0)
})

it.each([NaN, -1, '5s'])('refuses a timeout of %s', async timeout => {
  expect(await refusal(awaitProvider(new Known().init, 'math', { timeout: timeout as number }))).toContain(
    'invalid_argument: ',
  )
})

import { Linter } from 'eslint'
import { describe, expect, it } from 'vitest'
import { constantDelays } from './constant-delays.js'

function faults(code: string): number {
  const config = {
    plugins: { house: { rules: { 'constant-delays': constantDelays } } },
    rules: { 'house/constant-delays': 'error' as const },
  } as Linter.Config
  const messages = new Linter().verify(code, config)
  expect(messages.filter(({ fatal }) => fatal === true)).toEqual([])
  return messages.length
}

describe('the lint rule of delays', () => {
  it.each([
    'setTimeout(f, ms)',
    'setInterval(f, options.ms)',
    'const f = (ms) => setTimeout(g, ms)',
    'const f = ({ ms }) => AbortSignal.timeout(ms)',
    "import { setTimeout as wait } from 'node:timers/promises'; let ms = 1; wait(ms)",
    "import { setTimeout as later } from 'node:timers'; later(f, g(1))",
    'const f = () => { const ms = read(); setTimeout(g, ms) }',
    'setTimeout(f, Math.max(0, end - now))',
  ])('refuses %s', code => expect(faults(code)).toBe(1))

  it.each([
    'setTimeout(f)',
    'setTimeout(f, 20)',
    'setTimeout(f, timerDelay(ms))',
    "import { defaults } from './defaults.js'; setInterval(f, defaults.ms)",
    'const second = 1_000; AbortSignal.timeout(10 * second)',
    "import { setTimeout as wait } from 'node:timers/promises'; wait(10)",
    "import { setTimeout as own } from './own.js'; own(ms)",
    'queue.setTimeout(f, ms)',
  ])('takes %s', code => expect(faults(code)).toBe(0))
})

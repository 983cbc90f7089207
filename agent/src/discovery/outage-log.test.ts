import { describe, expect, test } from 'vitest'

import { createLogger } from '../observe/logger.ts'
import { controlPlaneClient } from './control-plane-client.ts'
import { discoveryDefaults } from './defaults.ts'
import { outageLog } from './outage-log.ts'

/** A log whose lines are kept, and its time. */
function recorded() {
  const lines: Record<string, unknown>[] = []
  const to = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  const time = { ms: 0 }
  const log = outageLog(createLogger('test', 'info', to), { monotonic: () => time.ms })
  return { lines, time, log }
}

/** The error of a request where no control plane listens. */
const refused = () =>
  controlPlaneClient({ url: 'http://127.0.0.1:1', meshId: 'a'.repeat(52) })
    .bootstrap()
    .then(
      () => undefined,
      (error: unknown) => error,
    )

describe('a control plane that does not answer', () => {
  test('is one line without a stack, then one a minute, whichever part asks', async () => {
    const { lines, time, log } = recorded()
    const err = await refused()
    log.warn({ err }, 'presence not reported')
    log.warn({ err }, 'map not polled')
    time.ms = discoveryDefaults.outageLogMs - 1
    log.child({ part: 'map' }).warn({ err }, 'map not polled')
    expect(lines).toEqual([
      expect.objectContaining({
        msg: 'the control plane does not answer: presence not reported',
        reason: expect.stringContaining('Cannot reach control plane http://127.0.0.1:1') as string,
      }),
    ])
    expect(JSON.stringify(lines)).not.toMatch(/stack|\bat /)
    time.ms = discoveryDefaults.outageLogMs
    log.warn({ err }, 'map not polled')
    expect(lines).toHaveLength(2)
  })

  test('hides no other warning', async () => {
    const { lines, log } = recorded()
    log.warn({ err: await refused() }, 'presence not reported')
    log.warn({ err: new Error('no such table') }, 'map not polled')
    log.warn('going without STUN')
    expect(lines.map(({ msg }) => msg).slice(1)).toEqual(['map not polled', 'going without STUN'])
    expect(lines[1]).toHaveProperty('err.stack')
  })
})

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
    log.warn({ event: 'presence-not-reported', err }, 'presence not reported')
    log.warn({ event: 'map-not-polled', err }, 'map not polled')
    time.ms = discoveryDefaults.outageLogMs - 1
    log.warn({ event: 'map-not-polled', err }, 'map not polled')
    expect(lines).toEqual([
      expect.objectContaining({
        event: 'control-plane-unreachable',
        msg: 'the control plane does not answer: presence not reported',
        reason: expect.stringContaining('Cannot reach control plane http://127.0.0.1:1') as string,
      }),
    ])
    expect(JSON.stringify(lines)).not.toMatch(/stack|\bat /)
    time.ms = discoveryDefaults.outageLogMs
    log.warn({ event: 'map-not-polled', err }, 'map not polled')
    expect(lines).toHaveLength(2)
  })

  test('hides no other warning', async () => {
    const { lines, log } = recorded()
    log.warn({ event: 'presence-not-reported', err: await refused() }, 'presence not reported')
    log.warn({ event: 'map-not-polled', err: new Error('no such table') }, 'map not polled')
    log.warn({ event: 'stun-not-started' }, 'going without STUN')
    expect(lines.map(({ msg }) => msg).slice(1)).toEqual(['map not polled', 'going without STUN'])
    expect(lines[1]).toHaveProperty('err.stack')
  })
})

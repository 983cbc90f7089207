import { afterEach, describe, expect, it } from 'vitest'
import { refusal } from '../../../../test/support/refusal.ts'
import { startStunResponder } from '../../../../test/support/stun-responder.ts'
import { StunProbe } from './stun-probe.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function probeOf() {
  const probe = await StunProbe.open('udp4')
  stops.push(() => probe.close())
  return probe
}
async function server(options?: Parameters<typeof startStunResponder>[0]) {
  const responder = await startStunResponder(options)
  stops.push(() => responder.stop())
  return { responder, host: '127.0.0.1', port: responder.port }
}
const never = new AbortController().signal

describe('a STUN probe', () => {
  it('hears where servers see its one port, of many asked at once', async () => {
    const probe = await probeOf()
    const servers = await Promise.all([server(), server(), server()])
    const began = performance.now()
    const answers = await Promise.all(
      servers.map(asked => probe.ask(asked, { signal: never, timeoutMs: 20_000 })),
    )
    const took = performance.now() - began
    expect(answers.map(({ mapped }) => mapped)).toEqual(
      servers.map(() => ({ host: '127.0.0.1', port: probe.localPort })),
    )
    for (const { rttMs } of answers) expect(rttMs).toBeLessThanOrEqual(took)
  })

  it('asks again when a packet is lost', async () => {
    const asked = await server({ lost: 1 })
    const { mapped } = await (await probeOf()).ask(asked, { signal: never, timeoutMs: 20_000 })
    expect(mapped.host).toBe('127.0.0.1')
    expect(asked.responder.asked).toBe(2)
  })

  it('says that nobody answers, and stops asking', async () => {
    const asked = await server({ lost: Infinity })
    const probe = await probeOf()
    expect(await refusal(probe.ask(asked, { signal: never, timeoutMs: 100 }))).toMatch(
      /^unavailable: .*100 ms/,
    )
    const cancel = new AbortController()
    const asking = refusal(probe.ask(asked, { signal: cancel.signal, timeoutMs: 10_000 }))
    cancel.abort()
    expect(await asking).toMatch(/^cancelled: /)
  })
})

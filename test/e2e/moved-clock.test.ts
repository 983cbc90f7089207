/** Real processes: a clock that only the agent reads would not show the effect of a wrong time on TLS and libp2p. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { movedClock, noMovedClock } from '../support/moved-clock.ts'

if (noMovedClock !== undefined) console.log(`skipped: ${noMovedClock}`)

let workshop: Workshop
let controlPlane: Daemon
let right: Daemon

const at = async (daemon: Daemon, ...args: string[]) => {
  const ran = await runCommand([...args, '--json', '--data', daemon.data])
  return { code: ran.code, told: lastJson(ran) }
}
const token = async (...args: string[]) =>
  String((await at(controlPlane, 'token', 'create', ...args)).told['token'])
const quiet = ['--listen', '/ip4/127.0.0.1/tcp/0']

beforeAll(async () => {
  if (noMovedClock !== undefined) return
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  await workshop.start('relay', [
    'relay',
    '--stun-port',
    '0',
    '--join',
    await token('--role', 'relay'),
    ...quiet,
  ])
  right = await workshop.start('right', ['up', '--no-mdns', '--join', await token(), ...quiet])
})
afterAll(() => workshop?.end())

describe.skipIf(noMovedClock !== undefined).each([
  { what: 'booted in 1970', name: 'early', time: '@1970-01-02 00:00:00' },
  { what: 'ran a year ahead', name: 'late', time: '+365d' },
])('a process that $what', ({ name, time }) => {
  it('says so, and is reachable once its clock was set', async () => {
    const clock = movedClock(workshop.folder(`${name}-time`))
    await clock.set(time)
    const up = ['up', '--no-mdns', '--join', await token(), '--name', name, ...quiet]
    const wrong = await workshop.start(name, up, undefined, clock.env)
    await vi.waitFor(
      async () =>
        expect((await at(wrong, 'status')).told).toMatchObject({
          ready: false,
          warnings: expect.arrayContaining([
            expect.stringMatching(/the clock of this machine is \d+ days/) as string,
          ]) as string[],
        }),
      { timeout: 60_000, interval: 500 },
    )
    expect((await at(wrong, 'doctor')).code).toBe(1)
    await clock.set('+0')
    const called = async (from: Daemon, to: Daemon) => {
      const ran = await at(
        from,
        'call',
        'host.info',
        '--peer',
        String(to.ready['peerId']),
        '--timeout',
        '10s',
      )
      expect(ran.code).toBe(0)
    }
    await vi.waitFor(() => called(right, wrong), { timeout: 60_000, interval: 200 })
    await vi.waitFor(() => called(wrong, right), { timeout: 60_000, interval: 200 })
    await vi.waitFor(
      async () => expect((await at(wrong, 'status')).told).toMatchObject({ ready: true, warnings: [] }),
      { timeout: 60_000, interval: 500 },
    )
  }, 400_000)
})

describe.skipIf(noMovedClock !== undefined)('a control plane that starts a year later', () => {
  it('says that nothing expires, until an admin confirms that its clock is right', async () => {
    const clock = movedClock(workshop.folder('later-time'))
    const args = ['control-plane', '--listen', '127.0.0.1:0']
    const first = await workshop.start('later', args)
    await first.end()
    await clock.set('+365d')
    const later = await workshop.start('later', args, undefined, clock.env)
    const told = async () => (await at(later, 'status')).told
    const warning = expect.stringMatching(/365 days ahead of .*: agent-mesh admin confirm-clock/) as string
    await vi.waitFor(async () => expect(await told()).toMatchObject({ warnings: [warning] }), {
      timeout: 60_000,
      interval: 500,
    })
    const confirmed = await at(later, 'admin', 'confirm-clock')
    expect(confirmed.code).toBe(0)
    expect(Date.parse(String(confirmed.told['now']))).toBeGreaterThan(Date.now() + 364 * 24 * 3600_000)
    await vi.waitFor(async () => expect(await told()).toMatchObject({ ready: true, warnings: [] }), {
      timeout: 60_000,
      interval: 500,
    })
  })
})

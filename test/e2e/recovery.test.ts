/** Each act of recovery, provoked in real processes by a real fault: on record in the log, in the counters and in `agent-mesh doctor`. */
import { recoveryEvents, type RecoveryEvent } from '@agent-mesh/protocol'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { movedClock, noMovedClock } from '../support/moved-clock.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { RecordedProcess } from '../support/recorded-process.ts'
import { namespacesMissing, SmallDisk } from '../support/small-disk.ts'

const checkout = join(import.meta.dirname, '..', '..')
/** Blocks the event loop, fills the heap, and frees it. */
const faultsModule = `
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { z } from ${JSON.stringify(join(checkout, 'node_modules/zod/index.js'))}
const held = []
const method = { params: z.number(), result: z.number() }
export const faults = {
  contract: { name: 'faults', version: 1, methods: { block: method, fill: method, look: method } },
  handlers: {
    block: ms => {
      for (const end = performance.now() + ms; performance.now() < end; );
      return ms
    },
    fill: share => {
      const used = () => {
        const { used_heap_size: bytes, heap_size_limit: limit } = getHeapStatistics()
        return bytes / limit
      }
      while (used() < share) held.push(Array.from({ length: 65_536 }, (_, n) => n + 0.5))
      return used()
    },
    look: () => held.length,
  },
}
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
// Calls are refused while the heap is full. Of itself V8 may collect minutes later where the machine is busy.
process.on('SIGUSR2', () => {
  held.length = 0
  collect()
})
`
const missing = postgresMissing() ?? noMovedClock ?? namespacesMissing()
const within = { timeout: 100_000, interval: 100 }

let postgres: PostgresServer
let workshop: Workshop
let controlPlane: Daemon
let services: string
const relays: { name: string; port: number; daemon: Daemon }[] = []
let ada: Daemon
let disk: SmallDisk

const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
const watched = ['--log-level', 'info', '--metrics', '127.0.0.1:0']
const at = async ({ data }: Daemon, ...args: string[]) => {
  const ran = await runCommand([...args, '--json', '--data', data])
  expect(ran.code, ran.stdout + ran.stderr).toBe(0)
  return lastJson(ran)
}
const token = async (...args: string[]) =>
  String((await at(controlPlane, 'token', 'create', ...args))['token'])
const up = (name: string) => ['up', '--no-mdns', '--name', name, ...watched, ...listen]
const startAgent = async (name: string, more: string[] = [], env = {}) =>
  workshop.start(name, [...up(name), '--join', await token(), ...more], undefined, env)
const relayArgs = (name: string, port: number) => [
  ...['relay', '--stun-port', '0', '--name', name, '--listen', `/ip4/127.0.0.1/tcp/${port}`],
]
const call = (from: Daemon, ...args: string[]) => at(from, 'call', ...args, '--timeout', '20s')

const homes = async (daemon: Daemon) => {
  const { relays: held } = (await at(daemon, 'status')) as { relays: { name: string }[] }
  return held.map(({ name }) => relays.find(relay => relay.name === name)!)
}
const relayCheck = async () => {
  const { checks } = (await at(ada, 'status')) as { checks: { name: string; level: string; since: string }[] }
  return checks.find(({ name }) => name === 'relay')!
}
/** Ada has home and standby, and its health has seen so. */
const isSettled = () =>
  vi.waitFor(async () => {
    expect(await homes(ada)).toHaveLength(2)
    expect(Date.now() - Date.parse((await relayCheck()).since)).toBeGreaterThan(4_000)
  }, within)
const restart = async (relay: (typeof relays)[number]) => {
  relay.daemon = await workshop.start(relay.name, relayArgs(relay.name, relay.port))
}
const areUp = async (...names: string[]) => {
  const { peers } = (await at(ada, 'peers')) as { peers: { name: string; online: boolean }[] }
  for (const name of names) expect(peers).toContainEqual(expect.objectContaining({ name, online: true }))
}

beforeAll(async () => {
  if (missing !== undefined) return
  ;[postgres, workshop] = await Promise.all([startPostgres(), openWorkshop()])
  const url = (await postgres.database('mesh'))()
  controlPlane = await workshop.start('cp', [
    ...['control-plane', '--listen', '127.0.0.1:0', '--store', `postgres:${url}`, '--log-level', 'info'],
  ])
  const relayToken = await token('--role', 'relay', '--uses', '2')
  for (const name of ['relay-1', 'relay-2']) {
    const port = await freePort()
    const daemon = await workshop.start(name, [...relayArgs(name, port), '--join', relayToken])
    relays.push({ name, port, daemon })
  }
  services = join(workshop.folder('services'), 'faults.ts')
  await mkdir(workshop.folder('services'))
  await writeFile(services, faultsModule)
  ada = await startAgent('ada')
  disk = await SmallDisk.mount(workshop.folder('disk'), 4)
})
afterAll(async () => {
  await disk?.unmount()
  await workshop?.end()
  await postgres?.stop()
})

interface Case {
  fault: string
  acts: RecoveryEvent[]
  provoke: (
    records: (recorded: RecordedProcess, fault: () => Promise<unknown>) => Promise<void>,
  ) => Promise<void>
}

const cases: Case[] = [
  {
    fault: 'a home relay that is killed',
    acts: ['relay-moved'],
    provoke: async records => {
      await isSettled()
      const [home] = await homes(ada)
      await records(RecordedProcess.of(ada), () => home!.daemon.end('SIGKILL'))
      await restart(home!)
    },
  },
  {
    fault: 'all relays that are killed, and start again',
    acts: ['relay-lost', 'map-asked', 'relay-regained'],
    provoke: async records => {
      await isSettled()
      await records(RecordedProcess.of(ada), async () => {
        await Promise.all(relays.map(({ daemon }) => daemon.end('SIGKILL')))
        await vi.waitFor(async () => expect(await homes(ada)).toEqual([]), within)
        // What a status shows is on record. Of itself health looks each few seconds: relays that are back sooner are not missed.
        await vi.waitFor(async () => expect((await relayCheck()).level).toBe('warning'), within)
        await Promise.all(relays.map(restart))
      })
    },
  },
  {
    fault: 'a peer that is stopped under a call',
    acts: ['path-suspected', 'path-closed'],
    provoke: async records => {
      const stopped = await startAgent('stopped')
      await vi.waitFor(() => areUp('stopped'), within)
      await call(ada, 'host.info', '--peer', 'stopped')
      await records(RecordedProcess.of(ada), async () => {
        stopped.child.kill('SIGSTOP')
        const asked = ['call', 'host.info', '--peer', 'stopped', '--timeout', '20s', '--data', ada.data]
        expect((await runCommand(asked)).code).not.toBe(0)
      })
      await stopped.end('SIGKILL')
    },
  },
  {
    fault: 'an event loop that is blocked',
    acts: ['loop-blocked'],
    provoke: async records => {
      const blocked = await startAgent('blocked', ['--serve', services])
      await records(RecordedProcess.of(blocked), () => call(blocked, 'faults.block', '7000'))
      await blocked.end()
    },
  },
  {
    fault: 'a heap that fills up and is freed',
    acts: ['memory-shed', 'memory-accepts'],
    provoke: async records => {
      const NODE_OPTIONS = '--max-old-space-size=200 --max-semi-space-size=1'
      const full = await startAgent('full', ['--serve', services], { NODE_OPTIONS })
      const memory = async () => {
        const { checks } = (await at(full, 'status')) as { checks: { name: string; level: string }[] }
        return checks.find(({ name }) => name === 'memory')?.level
      }
      await records(RecordedProcess.of(full), async () => {
        await vi.waitFor(async () => {
          // Garbage counts until it is collected, so once may not be enough.
          await runCommand(['call', 'faults.fill', '0.93', '--data', full.data])
          expect(await memory()).toBe('failing')
        }, within)
        // A call that its caller gave up may fill it once more.
        await vi.waitFor(async () => {
          full.child.kill('SIGUSR2')
          expect(await memory()).not.toBe('failing')
        }, within)
      })
      await full.end()
    },
  },
  {
    fault: 'a database that ends and starts again',
    acts: ['store-reconnected'],
    provoke: async records => {
      const url = String(controlPlane.ready['url'])
      const ready = async (status: number) =>
        vi.waitFor(async () => expect((await fetch(`${url}/ready`)).status).toBe(status), within)
      await records(RecordedProcess.of(controlPlane, url), async () => {
        await postgres.halt()
        await ready(503)
        const { checks } = await at(controlPlane, 'status')
        expect(checks).toMatchObject([{ name: 'store', level: 'failing' }])
        await postgres.resume()
      })
      await ready(200)
    },
  },
  {
    fault: 'a disk that is full, and has room again',
    acts: ['store-in-memory', 'store-written'],
    provoke: async records => {
      const { said, log, end } = await disk.start(...up('small'), '--join', await token())
      const recorded = new RecordedProcess({
        log,
        metricsUrl: `${String(said['metricsUrl'])}/metrics`,
        data: disk.path(),
      })
      await records(recorded, async () => {
        await disk.fill()
        await vi.waitFor(async () => {
          const { acts } = lastJson(await runCommand(['status', '--json', '--data', disk.path()]))
          expect(acts).toContainEqual(expect.objectContaining({ event: 'store-in-memory' }))
        }, within)
        await disk.free()
      })
      await end()
    },
  },
  {
    fault: 'a clock that is set',
    acts: ['clock-set'],
    provoke: async records => {
      const clock = movedClock(workshop.folder('time'))
      await clock.set('+0')
      const moved = await startAgent('moved', [], clock.env)
      await records(RecordedProcess.of(moved), () => clock.set('+1h'))
      await moved.end()
    },
  },
  {
    fault: 'a member whose credential was changed by an admin',
    acts: ['credential-renewed'],
    provoke: records =>
      records(RecordedProcess.of(ada), () => at(controlPlane, 'members', 'move', 'ada', 'eu')),
  },
  {
    fault: 'a provider that is killed three times',
    acts: ['provider-left-out'],
    provoke: async records => {
      let flapping = await startAgent('flapping', ['--serve', services])
      const { peerId } = flapping.ready
      await records(RecordedProcess.of(ada), async () => {
        for (let deaths = 0; deaths < 3; deaths++) {
          await vi.waitFor(() => call(ada, 'faults.look', '0'), within)
          await flapping.end('SIGKILL')
          await vi.waitFor(async () => {
            const { peers } = (await at(ada, 'peers')) as { peers: object[] }
            expect(peers).toContainEqual(expect.objectContaining({ peerId, online: false }))
          }, within)
          await runCommand(['call', 'faults.look', '0', '--timeout', '1s', '--data', ada.data])
          flapping = await workshop.start('flapping', [...up('flapping'), '--serve', services])
        }
      })
      await flapping.end()
    },
  },
]

test('each act of recovery is provoked here, or in stuck-streams.test.ts', () => {
  const here = cases.flatMap(({ acts }) => acts)
  expect([...here, 'map-reopened', 'watch-reopened'].sort()).toEqual(Object.keys(recoveryEvents).sort())
})

describe.skipIf(missing !== undefined)('on record is what a process did after', () => {
  test.each(cases)(
    '$fault: $acts',
    ({ acts, provoke }) => provoke((recorded, fault) => recorded.records(acts, fault)),
    300_000,
  )
})

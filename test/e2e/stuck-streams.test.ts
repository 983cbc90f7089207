/** Streams of the map that stay open and fall silent: found by their missing signs of life, opened anew, and on record. */
import { createLogger } from '@agent-mesh/agent'
import { MapServer } from '@agent-mesh/relay'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'
import { LocalMesh, loopback } from '../support/local-mesh.ts'
import { RecordedProcess } from '../support/recorded-process.ts'

const within = { timeout: 60_000, interval: 100 }

let mesh: LocalMesh
let workshop: Workshop
beforeEach(async () => {
  mesh = await LocalMesh.start()
  workshop = await openWorkshop()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await workshop.end()
  await mesh.stop()
})

test('an agent opens the map stream to its relay anew, and hears of a member that joined meanwhile', async () => {
  /** So many of the streams of an agent go nowhere. */
  let stuck = 0
  /** Streams of each agent, by peer id. */
  const opened = new Map<string, number>()
  const { serve } = MapServer.prototype
  // A relay with a defect: what it sends on a map stream goes nowhere from some moment on, and the link lives.
  vi.spyOn(MapServer.prototype, 'serve').mockImplementation(function (this: MapServer, stream, link) {
    const { peerId } = link.peer
    const nth = (opened.get(peerId) ?? 0) + 1
    opened.set(peerId, nth)
    const { send } = stream
    stream.send = chunk => (nth <= stuck ? true : send.call(stream, chunk))
    serve.call(this, stream, link)
  })
  await mesh.relay('relay', loopback, undefined, { mapBeatMs: 1_000 })
  const agent = await workshop.start('agent', [
    ...['up', '--no-mdns', '--join', await mesh.token(), '--name', 'agent', '--listen', loopback],
    ...['--log-level', 'info', '--metrics', '127.0.0.1:0'],
  ])
  const streams = () => opened.get(String(agent.ready['peerId'])) ?? 0
  await vi.waitFor(() => expect(streams()).toBeGreaterThan(0), within)
  await RecordedProcess.of(agent).records(['map-reopened'], async () => {
    stuck = streams()
    await mesh.agent({ name: 'late', listen: [] })
  })
  await vi.waitFor(async () => {
    const ran = await runCommand(['peers', '--json', '--data', agent.data])
    expect(lastJson(ran)['peers']).toContainEqual(expect.objectContaining({ name: 'late' }))
  }, within)
  await vi.waitFor(() => expect(streams()).toBeGreaterThan(stuck), within)
})

test('a relay opens its watch of the control plane anew', async () => {
  const lines = new PassThrough({ encoding: 'utf8' })
  // The control plane pings it each 50 s: for this bound it is silent.
  const relay = await mesh.relay('relay', loopback, undefined, {
    watchSilenceMs: 3_000,
    log: createLogger('relay', 'info', lines),
  })
  const count = async () =>
    Number(/recoveries_total\{supervisor="map"\} (\d+)/.exec(await relay.metrics())?.[1] ?? 0)
  await vi.waitFor(async () => expect(await count()).toBeGreaterThan(0), within)
  expect(String(lines.read())).toContain('"event":"watch-reopened","supervisor":"map"')
  expect(relay.status().acts).toContainEqual(
    expect.objectContaining({
      event: 'watch-reopened',
      act: expect.stringContaining('connected to the control plane anew') as unknown,
    }),
  )
})

import { beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { defineService } from '../contract/contract.ts'
import { hostService } from '../contract/host-service.ts'
import { loadDefaults } from './defaults.ts'
import { ServiceLoad } from './service-load.ts'
import { ServiceRegistry } from './service-registry.ts'
import { UseMeter } from './use-meter.ts'

const any = { params: z.any(), result: z.any() }
const contract = defineService({ name: 'math', version: 2, methods: { add: any, mean: any } })

/** What the limiter saw since the last look, by method; and the share of time in which the loop worked. */
let uses: Record<string, { use: number; refused: number }>
let loop: number
let load: ServiceLoad

beforeEach(() => {
  const registry = new ServiceRegistry()
  registry.serve(contract, { add: () => 1, mean: () => 1 })
  uses = {}
  loop = 0
  const limiter = {
    *uses() {
      for (const [name, seen] of Object.entries(uses)) yield { served: registry.find(name)!, ...seen }
    },
  }
  load = new ServiceLoad({ registry, limiter, loopUse: () => loop })
  load.look(0)
})

const report = () => load.reports()[0]

describe('ServiceLoad', () => {
  test('knows the name of the service that every member serves, and leaves it out', () => {
    expect(hostService.name).toBe(loadDefaults.without)
    load.look(1_000)
    expect(load.reports()).toEqual([{ service: 'math@2', saturation: 0, queueMs: 0, shedPerMinute: 0 }])
  })

  test('a service is as saturated as its busiest method', () => {
    uses = { 'math.add': { use: 0.9, refused: 0 }, 'math.mean': { use: 0.1, refused: 0 } }
    load.look(1_000)
    expect(report()?.saturation).toBeCloseTo(0.9)
  })

  test('a busy event loop and a long queue saturate it, too', () => {
    loop = 0.7
    load.look(1_000)
    expect(report()?.saturation).toBeCloseTo(0.7)
    for (let i = 0; i < 10; i++) load.turnWaited(180)
    load.look(2_000)
    expect(report()).toMatchObject({ saturation: 0.9, queueMs: 180 })
    for (let i = 0; i < 1_000; i++) load.turnWaited(400)
    load.look(3_000)
    expect(report()?.saturation).toBe(1)
  })

  test('takes the mean over its window, weighted by time, and forgets what is before', () => {
    load.over(10_000)
    loop = 1
    load.look(1_000)
    loop = 0
    load.look(4_000)
    expect(report()?.saturation).toBeCloseTo(0.25)
    for (let at = 5_000; at <= 11_000; at += 1_000) load.look(at)
    expect(report()?.saturation).toBe(0)
  })

  test('counts calls shed a minute: those of the limiter, and those of the queue', () => {
    uses = { 'math.add': { use: 0, refused: 2 } }
    load.turnRefused('shed')
    load.turnRefused('given_up')
    load.look(3_000)
    expect(report()?.shedPerMinute).toBeCloseTo(60)
  })
})

describe('UseMeter', () => {
  test('takes the mean of a share over time, each time anew', () => {
    const meter = new UseMeter(0)
    meter.note(1, 1_000)
    meter.note(0.5, 2_000)
    expect(meter.take(4_000)).toBeCloseTo(0.5)
    expect(meter.take(5_000)).toBeCloseTo(0.5)
    meter.note(0, 5_000)
    expect(meter.take(6_000)).toBe(0)
  })

  test('a time that lies before the last one changes nothing of the past', () => {
    const meter = new UseMeter(0)
    meter.note(1, 1_000)
    meter.note(0, 900)
    expect(meter.take(2_000)).toBe(0)
  })
})

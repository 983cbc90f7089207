import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { costTable, sizes } from './cost-table.ts'
import { relayBill } from './relay-bill.ts'
import relayPrices from './relay-prices.json' with { type: 'json' }
import { monthMinutes } from './workload.ts'

const page = join(import.meta.dirname, '..', '..', '..', 'docs', 'cost.md')

describe('the bill of the relays', () => {
  test('counts two relays of the smallest mesh, each with the parts that the stack deploys', () => {
    const { relays, usd } = relayBill(10)
    expect(relays).toBe(2)
    expect(usd.ec2.machines).toBe(21.8)
  })

  test('charges what agents at rest receive, each byte once', () => {
    const { egress_gb, usd } = relayBill(1_000, { restBytesPerMinute: 10_000, starts: 0, presenceChanges: 0 })
    expect(egress_gb).toEqual({ rest: Math.round(monthMinutes / 100), map: 0, presence: 0 })
    expect(usd.ec2.traffic).toBeCloseTo(egress_gb.rest * 0.09, 2)
  })

  test('charges nothing for traffic that the price of a server includes', () => {
    expect(relayBill(1_000).usd.server.traffic).toBe(0)
    expect(relayBill(1_000, { restBytesPerMinute: 10_000_000 }).usd.server.traffic).toBeGreaterThan(0)
  })

  test('grows with the square of the mesh while every agent has the whole map', () => {
    const map = (agents: number) => relayBill(agents, { wholeMapMembers: Infinity }).egress_gb.map
    expect(map(100_000) / map(10_000)).toBeCloseTo(100, 1)
    expect(relayBill(100_000).egress_gb.map / relayBill(10_000).egress_gb.map).toBeCloseTo(10, 0)
  })

  test('rests on prices that name their page and the day they hold since', () => {
    for (const { parts, trafficSource } of Object.values(relayPrices.servers)) {
      expect(trafficSource).toMatch(/^https:/)
      for (const { usd, source, since } of parts) {
        expect(usd).toBeGreaterThan(0)
        expect(source).toMatch(/^https:/)
        expect(since < relayPrices.checked).toBe(true)
      }
    }
  })
})

test(`docs/cost.md has the table of ${sizes.join(', ')} agents as it is computed`, async () => {
  expect(await readFile(page, 'utf8')).toContain(costTable())
})

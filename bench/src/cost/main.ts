/**
 * `npm run cost -- [--agents N] [--json]`: the monthly bill of the control plane on AWS for so many agents, from counted
 * units and a dated price table.
 */
import { parseArgs } from 'node:util'
import { monthlyBill, type Bill } from './bill.ts'

const { values } = parseArgs({
  options: { agents: { type: 'string', default: '1000000' }, json: { type: 'boolean', default: false } },
})

const line = ([name, usd]: [string, number]): string => `  ${name.padEnd(18)} ${usd.toFixed(2).padStart(12)}`

const table = (bill: Bill): string =>
  [
    `${bill.agents} agents at ${bill.relays} relays, US dollars a month in ${bill.region} (prices of ${bill.prices_checked})`,
    ...Object.entries(bill.parts).map(line),
    line(['total', bill.total_usd]),
    'by price',
    ...Object.entries(bill.prices).map(line),
    line(['with heartbeats', bill.naive_usd]),
  ].join('\n')

function main(): number {
  if (!/^[1-9]\d{0,7}$/.test(values.agents)) {
    console.error('Usage: npm run cost -- [--agents N] [--json]   (N from 1 to 99999999)')
    return 2
  }
  const bill = monthlyBill(Number(values.agents))
  console.log(values.json ? JSON.stringify(bill) : table(bill))
  return 0
}

process.exitCode = main()

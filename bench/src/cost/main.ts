/**
 * `npm run cost -- [--agents N] [--json]`: the monthly bill of the control plane on AWS and of the relays for so many agents, from
 * counted units and dated price tables.
 */
import { endWrongly, scriptOptions } from '../../../test/support/script-options.ts'
import { monthlyBill, type Bill } from './bill.ts'
import { relayBill, type RelayBill } from './relay-bill.ts'

const usage = 'Usage: npm run cost -- [--agents N] [--json]'
const { values } = scriptOptions(usage, {
  agents: { type: 'string', default: '1000000' },
  json: { type: 'boolean', default: false },
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

const relayTable = ({ relays, egress_gb, usd, prices_checked }: RelayBill): string =>
  [
    `${relays} relays, US dollars a month with their traffic (prices of ${prices_checked})`,
    line(['on EC2', usd.ec2.total]),
    line(['on other servers', usd.server.total]),
    'GB that they send',
    ...Object.entries(egress_gb).map(line),
  ].join('\n')

function main(): number {
  if (!/^[1-9]\d{0,7}$/.test(values.agents))
    endWrongly(`Cannot compute a bill for ${values.agents} agents: --agents takes 1 to 99999999`, usage)
  const agents = Number(values.agents)
  const [bill, relays] = [monthlyBill(agents), relayBill(agents)]
  console.log(
    values.json
      ? JSON.stringify({ ...bill, relay_machines: relays })
      : `${table(bill)}\n\n${relayTable(relays)}`,
  )
  return 0
}

process.exitCode = main()

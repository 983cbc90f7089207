/** The table of docs/cost.md: control plane and relays for meshes of three sizes. */
import { monthlyBill } from './bill.ts'
import { relayBill } from './relay-bill.ts'

export const sizes = [10, 1_000, 100_000] as const

const usd = (amount: number): string => `$${Math.round(amount).toLocaleString('en-US')}`
const count = (number: number): string => number.toLocaleString('en-US')

/** Everything as designed for large meshes, and the last column as it is built: every agent has the whole map. */
export function costTable(): string {
  const heads =
    'agents | relays | control plane | relays on EC2 | their traffic | **all on AWS** | relays elsewhere | **with these** | all on AWS, as built today'
  const columns = heads.split(' | ').length
  return [`| ${heads} |`, `|${'---|'.repeat(columns)}`, ...sizes.map(row)].join('\n')
}

function row(agents: number): string {
  const [plane, { relays, usd: prices }] = [monthlyBill(agents), relayBill(agents)]
  const built = plane.as_built_usd + relayBill(agents, { wholeMapMembers: Infinity }).usd.ec2.total
  const cells = [
    ...[count(agents), count(relays), usd(plane.total_usd)],
    ...[usd(prices.ec2.machines), usd(prices.ec2.traffic), `**${usd(plane.total_usd + prices.ec2.total)}**`],
    ...[usd(prices.server.total), `**${usd(plane.total_usd + prices.server.total)}**`, usd(built)],
  ]
  return `| ${cells.join(' | ')} |`
}

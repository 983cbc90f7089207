/** Tables of nft that drop packets of members. */

/** Source addresses whose packets are dropped on their way in; destinations on their way out, and where a router passes them on. */
export interface Cut {
  from: readonly string[]
  to: readonly string[]
}

const input = 'chain in { type filter hook prerouting priority -300;'
const output = 'chain out { type filter hook output priority -300;'
const dropped = (field: string, addresses: readonly string[]): string =>
  addresses.length > 0 ? `ip ${field} { ${addresses.join(', ')} } drop;` : ''

// nft ends a chain with a newline or a semicolon.
export const cutTable = (name: string, { from, to }: Cut): string => `table inet ${name} {
  ${input} ${dropped('saddr', from)} ${dropped('daddr', to)} }
  ${output} ${dropped('daddr', to)} }
}`

/** One packet in twenty is lost on its way in. */
export const lossTable = (name: string): string => `table inet ${name} {
  ${input} iifname "wan" numgen random mod 20 == 0 drop; }
}`

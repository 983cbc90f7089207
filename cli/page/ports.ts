/** The ports that this machine exposes, and those of all members that are known. */
import type { LocalPort } from '@agent-mesh/protocol/local-ports'
import { html } from 'htm/preact'
import { useMemo } from 'preact/hooks'

import type { MemberRow } from '../src/page/member-row.ts'
import { Failure, useAsked } from './asked.ts'
import type { PageState } from './state.ts'
import { Table, type Column } from './table.ts'
import { visible } from './text.ts'

interface MemberPort {
  port: string
  row: MemberRow
}

const everyMs = 5_000

export function Ports({ state: { rows } }: { state: PageState }) {
  const { value, error } = useAsked<{ ports: LocalPort[] }>('/api/ports', everyMs)
  const others = useMemo(() => [...rows.values()].flatMap(portsOf), [rows])
  return html`
    <h1>Exposed ports</h1>
    <h2>This machine</h2>
    ${error !== undefined && html`<${Failure} error=${error} />`}
    ${value?.ports.length === 0 && html`<p>No port is exposed. See "agent-mesh expose --help".</p>`}
    ${
      value !== undefined &&
      value.ports.length > 0 &&
      html`<${Table}
        caption="Ports of this machine"
        columns=${ownColumns}
        rows=${value.ports}
        keyOf=${({ name }: LocalPort) => name}
      />`
    }
    <h2>All members</h2>
    <${Table}
      caption="Ports of all members"
      columns=${columns}
      rows=${others}
      keyOf=${({ port, row }: MemberPort) => `${row.peerId} ${port}`}
      sortedBy=${0}
    />
  `
}

/** A port is a service in the record of its member: `port.ssh@1`. */
const portsOf = (row: MemberRow): MemberPort[] =>
  row.services.flatMap(service => {
    const [, port] = /^port\.(.+)@\d+$/.exec(service) ?? []
    return port === undefined ? [] : [{ port, row }]
  })

const ownColumns: Column<LocalPort>[] = [
  { title: 'Name', by: ({ name }) => name, cell: ({ name }) => name },
  { title: 'Target', cell: ({ host, port }) => `${host}:${port}` },
  { title: 'Kind', by: ({ kind }) => kind, cell: ({ kind }) => kind },
  { title: 'Allowed', cell: ({ allow }) => allow?.join(' ') ?? 'as the policy says' },
]

const columns: Column<MemberPort>[] = [
  { title: 'Member', by: ({ row }) => row.name, cell: ({ row }) => visible(row.name) },
  { title: 'Port', by: ({ port }) => port, cell: ({ port }) => port },
  {
    title: 'State',
    by: ({ row }) => row.state,
    cell: ({ row }) => html`<span class=${`state ${row.state}`}>${row.state}</span>`,
  },
  {
    title: 'Reach it with',
    cell: ({ row, port }) => html`<code>agent-mesh forward ${visible(row.name)}:${port}</code>`,
  },
]

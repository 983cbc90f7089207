/** The audit logs of the control plane, and of the agent of this machine. */
import type { AuditEntry } from '@agent-mesh/protocol/audit'
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

import { Failure, useAsked } from './asked.ts'
import { nameOf } from './state.ts'
import { Table, type Column } from './table.ts'
import { visible } from './text.ts'

const places = { 'control-plane': 'control plane', local: 'agent of this machine' } as const
type Place = keyof typeof places

const everyMs = 3_000

export function Audit() {
  const [where, setWhere] = useState<Place>('control-plane')
  const { value, error } = useAsked<{ entries: AuditEntry[] }>(`/api/audit?where=${where}`, everyMs)
  return html`
    <h1>Audit</h1>
    <form class="filter">
      <label>
        Log of
        <select onChange=${(event: Event) => setWhere((event.target as HTMLSelectElement).value as Place)}>
          ${(Object.keys(places) as Place[]).map(
            place => html`<option value=${place} selected=${place === where}>${places[place]}</option>`,
          )}
        </select>
      </label>
      <p>The newest entries. "agent-mesh audit verify" checks the whole chain.</p>
    </form>
    ${error !== undefined && html`<${Failure} error=${error} />`}
    <${Table}
      caption="Audit entries"
      columns=${columns}
      rows=${value?.entries ?? []}
      keyOf=${({ seq }: AuditEntry) => String(seq)}
    />
  `
}

const columns: Column<AuditEntry>[] = [
  {
    title: 'Time',
    by: ({ at }) => at,
    cell: ({ at }) => new Date(at).toISOString().slice(0, 19).replace('T', ' '),
  },
  { title: 'Number', numeric: true, by: ({ seq }) => seq, cell: ({ seq }) => seq },
  { title: 'What', by: ({ what }) => what, cell: ({ what }) => visible(what) },
  { title: 'Who', by: ({ who }) => nameOf(who), cell: ({ who }) => visible(nameOf(who)) },
  { title: 'Detail', cell: ({ detail }) => (detail === undefined ? '-' : visible(JSON.stringify(detail))) },
]

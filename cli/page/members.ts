/** The members: a table with a filter. */
import { html } from 'htm/preact'
import { useMemo, useState } from 'preact/hooks'

import type { MemberRow } from '../src/page/member-row.ts'
import { Member } from './member.ts'
import { nameOf, type PageState } from './state.ts'
import { Table, type Column } from './table.ts'
import { ago, visible } from './text.ts'

const states = ['any', 'online', 'offline', 'unlisted', 'revoked'] as const

export function Members({ state: { rows } }: { state: PageState }) {
  const [words, setWords] = useState('')
  const [wanted, setWanted] = useState<string>('any')
  const [chosen, setChosen] = useState<string>()
  const all = useMemo(() => [...rows.values()], [rows])
  const keep = useMemo(() => filterOf(words, wanted), [words, wanted])
  const found = useMemo(() => all.filter(keep).length, [all, keep])
  const columns = useMemo(() => columnsOf(setChosen), [])
  const online = useMemo(() => all.filter(({ state }) => state === 'online').length, [all])
  const member = chosen === undefined ? undefined : rows.get(chosen)
  return html`
    <h1>Members</h1>
    <form class="filter" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>
        Filter
        <input
          type="search"
          value=${words}
          placeholder="name, role, tag, region, service, path"
          onInput=${(event: InputEvent) => setWords((event.target as HTMLInputElement).value)}
        />
      </label>
      <label>
        State
        <select onChange=${(event: Event) => setWanted((event.target as HTMLSelectElement).value)}>
          ${states.map(each => html`<option value=${each} selected=${each === wanted}>${each}</option>`)}
        </select>
      </label>
      <p role="status">${found} of ${all.length}, ${online} online</p>
    </form>
    <${Table}
      caption="Members"
      columns=${columns}
      rows=${all}
      keep=${keep}
      keyOf=${({ peerId }: MemberRow) => peerId}
      sortedBy=${0}
    />
    ${
      member !== undefined &&
      html`<${Member} key=${member.peerId} row=${member} onClose=${() => setChosen(undefined)} />`
    }
  `
}

const columnsOf = (choose: (peerId: string) => void): Column<MemberRow>[] => [
  {
    title: 'Name',
    by: ({ name }) => name,
    cell: ({ name, peerId }) =>
      html`<button class="link" onClick=${() => choose(peerId)}>${visible(name)}</button>`,
  },
  {
    title: 'State',
    by: ({ state }) => state,
    cell: ({ state, lastSeen }) =>
      html`<span class=${`state ${state}`}>${state}</span>${
          state === 'offline' && lastSeen !== undefined ? ` ${ago(lastSeen)}` : ''
        }`,
  },
  { title: 'Kind', by: ({ kind }) => kind, cell: ({ kind }) => kind },
  { title: 'Path', by: ({ path = '~' }) => path, cell: ({ path = '-' }) => path },
  {
    title: 'Round trip',
    numeric: true,
    by: ({ rttMs = Infinity }) => rttMs,
    cell: ({ rttMs }) => (rttMs === undefined ? '-' : `${rttMs} ms`),
  },
  { title: 'Region', by: ({ region = '~' }) => region, cell: ({ region = '-' }) => region },
  {
    title: 'Home relay',
    by: ({ at }) => (at === undefined ? '~' : nameOf(at)),
    cell: ({ at }) => (at === undefined ? '-' : visible(nameOf(at))),
  },
  { title: 'Tags', by: ({ tags }) => tags.join(' '), cell: ({ tags }) => tags.join(' ') || '-' },
  { title: 'Services', cell: ({ services }) => servicesOf(services) },
]

/** Those of programs: every member has `host`. */
const servicesOf = (services: readonly string[]): string =>
  services.filter(service => !service.startsWith('host@')).join(' ') || '-'

const haystacks = new WeakMap<MemberRow, string>()

function haystack(row: MemberRow): string {
  let text = haystacks.get(row)
  if (text === undefined) {
    const { name, kind, state, path = '', region = '', peerId, roles, tags, services } = row
    text = [name, kind, state, path, region, peerId, ...roles, ...tags, ...services].join(' ').toLowerCase()
    haystacks.set(row, text)
  }
  return text
}

/** Lets rows through that have every word somewhere. */
function filterOf(words: string, wanted: string): (row: MemberRow) => boolean {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean)
  return row =>
    (wanted === 'any' || row.state === wanted) && parts.every(part => haystack(row).includes(part))
}

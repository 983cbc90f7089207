/** One member: its facts, and how the agent of this machine reaches it. */
import type { PathReport } from '@agent-mesh/protocol/path-report'
import { html } from 'htm/preact'

import type { MemberRow } from '../src/page/member-row.ts'
import type { PathSentence } from '../src/page/path-sentence.ts'
import { Failure, useAsked } from './asked.ts'
import { Dialog } from './dialog.ts'
import { RevokeMember } from './revoke-member.ts'
import { RoundTripChart } from './round-trip-chart.ts'
import { nameOf } from './state.ts'
import { dateOf, duration, visible } from './text.ts'

export function Member({ row, onClose }: { row: MemberRow; onClose: () => void }) {
  return html`
    <${Dialog} title=${visible(row.name)} onClose=${onClose}>
      <dl>
        ${factsOf(row).map(
          ([title, text]) =>
            html`<dt>${title}</dt>
              <dd>${text}</dd>`,
        )}
      </dl>
      ${
        row.path === 'self'
          ? html`<p>This is the agent of this machine.</p>`
          : row.kind !== 'admin' && html`<${Path} peer=${row.peerId} />`
      }
      ${row.path !== undefined && row.path !== 'self' && html`<${RoundTripChart} peer=${row.peerId} />`}
      ${row.serial !== undefined && row.state !== 'revoked' && html`<${RevokeMember} row=${row} />`}
    </${Dialog}>
  `
}

const factsOf = (row: MemberRow): [string, string][] => [
  ['State', row.state],
  ['Peer id', row.peerId],
  ['Roles', row.roles.join(' ')],
  ['Tags', row.tags.join(' ') || '-'],
  ['Region', row.region ?? '-'],
  ['Home relay', row.at === undefined ? '-' : visible(nameOf(row.at))],
  ['Services', row.services.join(' ') || '-'],
  ...(row.joinedAt === undefined ? [] : [['Joined', dateOf(row.joinedAt)] as [string, string]]),
  ...(row.serial === undefined ? [] : [['Serial', row.serial] as [string, string]]),
]

const everyMs = 2_000

function Path({ peer }: { peer: string }) {
  const path = `/api/path?peer=${encodeURIComponent(peer)}`
  const { value, error } = useAsked<{ report: PathReport; sentence: PathSentence }>(path, everyMs)
  if (error !== undefined) return html`<${Failure} error=${error} />`
  if (value === undefined) return html`<p>Asking the agent…</p>`
  const { report, sentence } = value
  return html`
    <h3>Path from this machine</h3>
    <p class="sentence">${visible(sentence.text)}</p>
    ${sentence.action !== undefined && html`<p>${visible(sentence.action)}</p>`}
    ${
      report.links.length > 0 &&
      html`<ul>
        ${report.links.map(
          ({ path, state, ageMs, rttMs, remoteAddr, relay }) =>
            html`<li>
              ${path}, ${state} for
              ${duration(ageMs)}${rttMs === undefined ? '' : `, ${Math.round(rttMs)} ms`}:
              ${' '}${relay === undefined ? visible(remoteAddr) : `relay ${visible(nameOf(relay))}`}
            </li>`,
        )}
      </ul>`
    }
  `
}

/** Health of the mesh by region and service, and of the agent of this machine. */
import type { HealthReply, RegionHealth } from '@agent-mesh/protocol/api/health'
import { html } from 'htm/preact'

import { Failure, useAsked } from './asked.ts'
import { RoundTripChart } from './round-trip-chart.ts'
import type { PageState } from './state.ts'
import { Table, type Column } from './table.ts'
import { ago, duration, visible } from './text.ts'

const everyMs = 10_000

export function Health({ state }: { state: PageState }) {
  const { value, error } = useAsked<Partial<HealthReply>>('/api/health', everyMs)
  return html`
    <h1>Health</h1>
    <h2>The agent of this machine</h2>
    <${AgentHealth} state=${state} />
    <h2>Round trips from this machine</h2>
    <${RoundTripChart} />
    <h2>The mesh</h2>
    ${error !== undefined && html`<${Failure} error=${error} />`}
    ${
      state.facts.controlPlane === undefined
        ? html`<p>This context has no admin key, so the control plane is not asked.</p>`
        : value?.regions !== undefined && html`<${MeshHealth} health=${value as HealthReply} />`
    }
  `
}

function AgentHealth({ state: { facts } }: { state: PageState }) {
  const { agent, agentTrouble } = facts
  if (agentTrouble !== undefined) return html`<${Failure} error=${agentTrouble} />`
  if (agent === undefined) return html`<p>Asking the agent…</p>`
  const { checks = [], links, load } = agent
  return html`
    <p>
      <span class=${`state ${agent.ready ? 'online' : 'offline'}`}
        >${agent.ready ? 'ready' : 'not ready'}</span
      >${' '} ${visible(agent.name ?? agent.kind)}: ${links.direct} direct links, ${links.webrtc} over WebRTC,
      ${' '}${links.relay}
      relayed${load === undefined ? '' : `; ${load.calls} calls, event loop ${Math.round(load.loopDelayMs)} ms late`}.
    </p>
    ${agent.warnings.map(text => html`<p class="failure">${visible(text)}</p>`)}
    ${
      checks.length > 0 &&
      html`<ul class="checks">
        ${checks.map(
          ({ name, level, reason, since }) =>
            html`<li>
              <span class=${`state ${level}`}>${level}</span> ${visible(name)}, since
              ${' '}${ago(since)}${reason === undefined ? '' : `: ${visible(reason)}`}
            </li>`,
        )}
      </ul>`
    }
  `
}

type Service = HealthReply['services'][number]
type Latency = HealthReply['latency'][number]

const regionColumns: Column<RegionHealth>[] = [
  { title: 'Region', by: ({ region }) => region, cell: ({ region }) => region },
  { title: 'Members', numeric: true, by: ({ members }) => members, cell: ({ members }) => members },
  { title: 'Online', numeric: true, by: ({ online }) => online, cell: ({ online }) => online },
  { title: 'Stale', numeric: true, by: ({ stale }) => stale, cell: ({ stale }) => stale },
  {
    title: 'Relays',
    numeric: true,
    by: ({ relaysLeased }) => relaysLeased,
    cell: ({ relays, relaysLeased }) => `${relaysLeased} of ${relays}`,
  },
  { title: 'Age', numeric: true, by: ({ ageMs }) => ageMs, cell: ({ ageMs }) => duration(ageMs) },
]

const serviceColumns: Column<Service>[] = [
  { title: 'Service', by: ({ service }) => service, cell: ({ service }) => service },
  { title: 'Region', by: ({ region }) => region, cell: ({ region }) => region },
  {
    title: 'Online',
    numeric: true,
    by: ({ online }) => online,
    cell: ({ online, members }) => `${online} of ${members}`,
  },
  { title: 'Stale', numeric: true, by: ({ stale }) => stale, cell: ({ stale }) => stale },
]

const latencyColumns: Column<Latency>[] = [
  { title: 'From', by: ({ from }) => from, cell: ({ from }) => from },
  { title: 'To', by: ({ to }) => to, cell: ({ to }) => to },
  { title: 'Round trip', numeric: true, by: ({ ms }) => ms, cell: ({ ms }) => `${ms} ms` },
]

function MeshHealth({ health: { regions, services, latency, checks = [] } }: { health: HealthReply }) {
  return html`
    <${Table}
      caption="Regions"
      columns=${regionColumns}
      rows=${regions}
      keyOf=${(row: RegionHealth) => row.region}
    />
    ${
      checks.length > 0 &&
      html`<ul class="checks">
        ${checks.map(
          ({ check, region, level, members, of }) =>
            html`<li>
              <span class=${`state ${level}`}>${level}</span> ${visible(check)} at ${members} members of
              ${' '}${region}: ${visible(of.join(' '))}
            </li>`,
        )}
      </ul>`
    }
    <h2>Services by region</h2>
    <${Table}
      caption="Services by region"
      columns=${serviceColumns}
      rows=${services}
      keyOf=${({ service, region }: Service) => `${service} ${region}`}
    />
    ${
      latency.length > 0 &&
      html`<h2>Round trips between regions</h2>
        <${Table}
          caption="Round trips between regions"
          columns=${latencyColumns}
          rows=${latency}
          keyOf=${({ from, to }: Latency) => `${from} ${to}`}
        />`
    }
  `
}

/** Services, their methods, and a form to call each. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import type { LocalService } from '@agent-mesh/protocol/local-api'
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

import { Failure, useAsked } from './asked.ts'
import { CallForm } from './call-form.ts'
import { visible } from './text.ts'

const everyMs = 5_000

export function Services() {
  const { value, error } = useAsked<{ services: LocalService[] }>('/api/services', everyMs)
  const [chosen, setChosen] = useState<string>()
  return html`
    <h1>Services</h1>
    ${error !== undefined && html`<${Failure} error=${error} />`}
    <ul class="services">
      ${value?.services.map(
        ({ service, providers }) =>
          html`<li key=${service}>
            <button
              class="link"
              aria-expanded=${service === chosen}
              onClick=${() => setChosen(service === chosen ? undefined : service)}
            >
              ${service}
            </button>
            ${' '}${providers.filter(({ online }) => online).length} of ${providers.length} providers online
            ${service === chosen && html`<${Methods} service=${service} providers=${providers} />`}
          </li>`,
      )}
    </ul>
    ${value?.services.length === 0 && html`<p>No member serves anything yet.</p>`}
  `
}

function Methods({ service, providers }: { service: string; providers: LocalService['providers'] }) {
  const { value, error } = useAsked<DescribedService>(`/api/describe?service=${encodeURIComponent(service)}`)
  if (error !== undefined) return html`<${Failure} error=${error} />`
  if (value === undefined) return html`<p>Asking a provider…</p>`
  return value.methods.map(
    method =>
      html`<section class="method" key=${method.name}>
        <h3>${service}.${method.name}</h3>
        ${method.about !== undefined && html`<p>${visible(method.about)}</p>`}
        ${
          method.takes === undefined && method.yields === undefined
            ? html`<${CallForm} service=${service} method=${method} providers=${providers} />`
            : html`<p>It streams: use "agent-mesh stream".</p>`
        }
      </section>`,
  )
}

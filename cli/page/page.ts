/** The page of `agent-mesh page`: a view for each part of the address after `#`. */
import { html, render } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'

import { Failure } from './asked.ts'
import { Audit } from './audit.ts'
import { Health } from './health.ts'
import { MeshMap } from './map.ts'
import { Members } from './members.ts'
import { Policy } from './policy.ts'
import { Ports } from './ports.ts'
import { Services } from './services.ts'
import { openSession } from './session.ts'
import { close, keepLive, usePageState, type PageState } from './state.ts'
import { visible } from './text.ts'
import { Tokens } from './tokens.ts'

const views = {
  members: Members,
  map: MeshMap,
  services: Services,
  health: Health,
  policy: Policy,
  tokens: Tokens,
  audit: Audit,
  ports: Ports,
} as const
type View = keyof typeof views

const titleOf = (view: View): string => `${view[0]!.toUpperCase()}${view.slice(1)}`

const viewNow = (): View => {
  const name = location.hash.slice(1)
  return Object.hasOwn(views, name) ? (name as View) : 'members'
}

function App() {
  const state = usePageState()
  const [view, setView] = useState(viewNow)
  useEffect(() => {
    const follow = () => setView(viewNow())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return html`
    <header class="top">
      <strong>Agent Mesh</strong>
      <nav aria-label="Views">
        ${(Object.keys(views) as View[]).map(
          name =>
            html`<a href=${`#${name}`} aria-current=${name === view ? 'page' : undefined}
              >${titleOf(name)}</a
            >`,
        )}
      </nav>
      <span class=${`link ${state.link}`} role="status">${linkTexts[state.link]}</span>
    </header>
    <main>
      ${
        state.link === 'closed'
          ? html`<h1>This page is closed</h1>
              ${state.error !== undefined && html`<${Failure} error=${state.error} />`}`
          : html`<${Troubles} state=${state} /><${views[view]} state=${state} />`
      }
    </main>
  `
}

const linkTexts = {
  opening: 'opening',
  live: 'live',
  lost: 'no answer from the command',
  closed: 'closed',
} as const

/** What keeps a source from answering; the other one is shown. */
function Troubles({ state: { facts } }: { state: PageState }) {
  const { agentTrouble, controlPlaneTrouble } = facts
  return [agentTrouble, controlPlaneTrouble].map(
    trouble =>
      trouble !== undefined &&
      html`<p class="note">
        ${visible(trouble.message)}${trouble.hint === undefined ? '' : ` ${visible(trouble.hint)}`}
      </p>`,
  )
}

render(html`<${App} />`, document.body)
openSession().then(keepLive, close)

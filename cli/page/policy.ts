/** The policy: why an action is allowed, and what another policy would change, before it is written. */
import type { WritePolicyReply } from '@agent-mesh/protocol/api/policy'
import type { Action } from '@agent-mesh/protocol/policy'
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

import { fieldsIn, Outcome, useAct } from './act.ts'
import { Failure, useAsked } from './asked.ts'
import { visible } from './text.ts'

const actions: readonly Action[] = ['call', 'publish', 'subscribe', 'connect', 'manage']

interface Stored {
  number: number
  policy: object
}

export function Policy() {
  const { value, error, again } = useAsked<Stored>('/api/policy')
  return html`
    <h1>Policy</h1>
    <h2>Explain</h2>
    <${Explain} />
    <h2>Policy in force${value === undefined ? '' : `, number ${value.number}`}</h2>
    ${error !== undefined && html`<${Failure} error=${error} />`}
    ${value !== undefined && html`<${Edit} key=${value.number} stored=${value} onWritten=${again} />`}
  `
}

function Explain() {
  const asking = useAct<{ allowed: boolean; text: string }>()
  const explain = (event: SubmitEvent) => {
    const field = fieldsIn(event)
    const question = { who: field('who'), action: field('action'), target: field('target') }
    void asking.run('/api/policy/explain', question)
  }
  const { value } = asking
  return html`
    <form class="call" aria-label="Explain the policy" onSubmit=${explain}>
      <label>Who<input name="who" required placeholder="web-1, or role:ops" /></label>
      <label>
        Action
        <select name="action">
          ${actions.map(action => html`<option value=${action}>${action}</option>`)}
        </select>
      </label>
      <label>Target<input name="target" required placeholder="service:math.add" /></label>
      <button disabled=${asking.isRunning}>Explain</button>
    </form>
    <${Outcome} act=${asking} />
    <p role="status">
      ${
        value !== undefined &&
        html`<span class=${`state ${value.allowed ? 'online' : 'offline'}`}
            >${value.allowed ? 'allowed' : 'denied'}</span
          >: ${visible(value.text)}`
      }
    </p>
  `
}

function Edit({ stored, onWritten }: { stored: Stored; onWritten: () => void }) {
  const [text, setText] = useState(() => JSON.stringify(stored.policy, undefined, 2))
  /** What was tried, and may now be written. */
  const [tried, setTried] = useState<string>()
  const trying = useAct<WritePolicyReply>()
  const writing = useAct<WritePolicyReply>()
  const bodyOf = (): object | undefined => {
    try {
      return { policy: JSON.parse(text) as unknown, expected: stored.number }
    } catch (error) {
      trying.refuse(`It is not JSON: ${(error as Error).message}`)
      return undefined
    }
  }
  const dryRun = async () => {
    const body = bodyOf()
    if (body !== undefined && (await trying.run('/api/policy/dry-run', body)) !== undefined) setTried(text)
  }
  const write = async () => {
    const body = bodyOf()
    if (body === undefined || !confirm('Write this policy? It is in force at all members within seconds.'))
      return
    if ((await writing.run('/api/policy/write', body)) !== undefined) onWritten()
  }
  return html`
    <label>
      As JSON
      <textarea
        rows="16"
        spellcheck="false"
        value=${text}
        onInput=${(event: InputEvent) => setText((event.target as HTMLTextAreaElement).value)}
      ></textarea>
    </label>
    <p>
      <button onClick=${() => void dryRun()} disabled=${trying.isRunning}>Dry run</button>${' '}
      <button onClick=${() => void write()} disabled=${tried !== text || writing.isRunning}>Write</button
      >${' '} A policy is written after its dry run.
    </p>
    <${Outcome} act=${trying} />
    <${Outcome} act=${writing} />
    ${trying.value !== undefined && tried === text && html`<${Changes} reply=${trying.value} />`}
  `
}

function Changes({ reply: { changes = [], changed = 0, members = 0 } }: { reply: WritePolicyReply }) {
  const list = (permissions: readonly { action: string; target: string }[]) =>
    permissions.map(({ action, target }) => `${action} ${target}`).join(', ')
  return html`
    <p role="status">Something would change for ${changed} of ${members} members.</p>
    <ul>
      ${changes.map(
        ({ name, gained, lost }) =>
          html`<li>
            ${visible(name)}${gained.length > 0 ? ` gains ${list(gained)}` : ''}${
              lost.length > 0 ? ` loses ${list(lost)}` : ''
            }
          </li>`,
      )}
    </ul>
  `
}

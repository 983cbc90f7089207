/** Revokes a member permanently, once its name was typed. */
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

import type { MemberRow } from '../src/page/member-row.ts'
import { Outcome, useAct } from './act.ts'
import { visible } from './text.ts'

export function RevokeMember({ row: { name, peerId } }: { row: MemberRow }) {
  const [typed, setTyped] = useState('')
  const revoking = useAct<{ number: number }>()
  const revoke = (event: SubmitEvent) => {
    event.preventDefault()
    if (typed === name) void revoking.run('/api/revoke', { peerId })
  }
  return html`
    <details>
      <summary>Revoke it</summary>
      <p>Members disconnect it within seconds, and its key cannot join again, with any token.</p>
      <form class="call" onSubmit=${revoke}>
        <label>
          Its name, ${visible(name)}, to confirm
          <input
            autocomplete="off"
            value=${typed}
            onInput=${(event: InputEvent) => setTyped((event.target as HTMLInputElement).value)}
          />
        </label>
        <button disabled=${typed !== name || revoking.isRunning}>Revoke permanently</button>
      </form>
      <${Outcome} act=${revoking} />
      <p role="status">
        ${revoking.value !== undefined && `It is revoked (revocation list ${revoking.value.number}).`}
      </p>
    </details>
  `
}

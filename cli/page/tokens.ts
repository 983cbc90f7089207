/** Join tokens: which there are, a new one, the end of one. */
import { html } from 'htm/preact'

import type { tokenForPrograms } from '../src/data/tokens.ts'
import { fieldsIn, Outcome, useAct } from './act.ts'
import { Failure, useAsked } from './asked.ts'
import { Table, type Column } from './table.ts'
import { dateOf, visible } from './text.ts'

type Token = ReturnType<typeof tokenForPrograms>

const everyMs = 5_000

export function Tokens() {
  const { value, error, again } = useAsked<{ tokens: Token[] }>('/api/tokens', everyMs)
  const revoking = useAct<object>()
  const revoke = async (id: string) => {
    if (!confirm(`Revoke token ${id}? No machine can join with it any more.`)) return
    await revoking.run('/api/tokens/revoke', { id })
    again()
  }
  return html`
    <h1>Join tokens</h1>
    <${NewToken} onMade=${again} />
    ${error !== undefined && html`<${Failure} error=${error} />`}
    <${Outcome} act=${revoking} />
    <${Table}
      caption="Join tokens"
      columns=${columnsOf(id => void revoke(id))}
      rows=${value?.tokens ?? []}
      keyOf=${({ id }: Token) => id}
    />
  `
}

const columnsOf = (revoke: (id: string) => void): Column<Token>[] => [
  { title: 'Id', by: ({ id }) => id, cell: ({ id }) => html`<code>${id}</code>` },
  { title: 'State', by: stateOf, cell: stateOf },
  { title: 'Joined', numeric: true, by: ({ joined }) => joined, cell: ({ joined }) => joined },
  { title: 'Left', numeric: true, cell: ({ left }) => left ?? 'unlimited' },
  { title: 'Roles', by: ({ roles }) => roles.join(' '), cell: ({ roles }) => roles.join(' ') },
  { title: 'Tags', cell: ({ tags }) => tags.join(' ') || '-' },
  { title: 'Name', cell: ({ name = '-' }) => name },
  { title: 'Expires', by: ({ expiresAt }) => expiresAt, cell: ({ expiresAt }) => dateOf(expiresAt) },
  { title: 'Note', cell: ({ note = '-' }) => visible(note) },
  {
    title: 'Revoke',
    cell: token =>
      stateOf(token) === 'valid' &&
      html`<button onClick=${() => revoke(token.id)} aria-label=${`Revoke ${token.id}`}>Revoke</button>`,
  },
]

function stateOf({ revoked, left, expiresAt }: Token): string {
  if (revoked) return 'revoked'
  if (left === 0) return 'used up'
  return expiresAt <= Date.now() ? 'expired' : 'valid'
}

const daySeconds = 86_400

function NewToken({ onMade }: { onMade: () => void }) {
  const making = useAct<{ token: string }>()
  const make = async (event: SubmitEvent) => {
    const field = fieldsIn(event)
    const words = (name: string) =>
      field(name)
        .split(/[\s,]+/)
        .filter(Boolean)
    const [roles, tags, note] = [words('roles'), words('tags'), field('note')]
    await making.run('/api/tokens/create', {
      uses: Number(field('uses')),
      expiresIn: Math.round(Number(field('days')) * daySeconds),
      ...(roles.length > 0 && { roles }),
      ...(tags.length > 0 && { tags }),
      ...(note !== '' && { note }),
    })
    onMade()
  }
  return html`
    <form class="call" aria-label="Create a token" onSubmit=${(event: SubmitEvent) => void make(event)}>
      <label>Uses<input name="uses" inputmode="numeric" value="1" required /></label>
      <label>Days until it expires<input name="days" inputmode="decimal" value="1" required /></label>
      <label>Roles<input name="roles" placeholder="agent" /></label>
      <label>Tags<input name="tags" /></label>
      <label>Note<input name="note" /></label>
      <button disabled=${making.isRunning}>Create</button>
    </form>
    <${Outcome} act=${making} />
    ${
      making.value !== undefined &&
      html`<p>The token, which is shown once:</p>
        <pre tabindex="0">${making.value.token}</pre>`
    }
  `
}

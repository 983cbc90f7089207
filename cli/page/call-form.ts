/** A form that calls a method, made from the JSON Schema of its params. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import type { LocalCallReply, LocalService } from '@agent-mesh/protocol/local-api'
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

import { Failure } from './asked.ts'
import { fieldsOf, paramsOf, type Field } from './json-schema.ts'
import { AskError, ask } from './session.ts'
import { visible } from './text.ts'

interface Props {
  /** `math@1` */
  service: string
  method: DescribedService['methods'][number]
  providers: LocalService['providers']
}

interface Outcome {
  reply?: LocalCallReply
  error?: { message: string; hint?: string | undefined }
}

export function CallForm({ service, method, providers }: Props) {
  const fields = fieldsOf(method.params ?? {})
  const [outcome, setOutcome] = useState<Outcome>()
  const [isCalling, setCalling] = useState(false)
  const name = `${service}.${method.name}`
  const call = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    if (method.effects === 'destroy' && !confirm(`${name} destroys something. Call it?`)) return
    setCalling(true)
    setOutcome(await called(name, fields, form))
    setCalling(false)
  }
  return html`
    <form class="call" aria-label=${`Call ${name}`} onSubmit=${(event: SubmitEvent) => void call(event)}>
      ${
        fields === undefined
          ? html`<label>Params as JSON<textarea name="params" rows="3" spellcheck="false"></textarea></label>`
          : fields.map(field => html`<${Input} field=${field} />`)
      }
      <label>
        Member
        <select name=" peer">
          <option value="">any provider</option>
          ${providers.map(
            ({ peerId, name, online }) =>
              html`<option value=${peerId}>${visible(name)}${online ? '' : ' (offline)'}</option>`,
          )}
        </select>
      </label>
      <button disabled=${isCalling}>Call</button>
    </form>
    <div aria-live="polite">${outcome !== undefined && html`<${Result} ...${outcome} />`}</div>
  `
}

function Input({ field: { name, kind, required, choices, about } }: { field: Field }) {
  const title = html`${visible(name)}${required ? '' : ' (optional)'}${
    about === undefined ? '' : html` <small>${visible(about)}</small>`
  }`
  if (kind === 'boolean' || kind === 'choice') {
    const values = kind === 'boolean' ? ['false', 'true'] : choices
    return html`<label>
      ${title}
      <select name=${`.${name}`}>
        ${!required && html`<option value=""></option>`}
        ${values.map(value => html`<option value=${value}>${visible(value)}</option>`)}
      </select>
    </label>`
  }
  if (kind === 'json')
    return html`<label
      >${title}, as JSON<textarea name=${`.${name}`} rows="2" spellcheck="false"></textarea>
    </label>`
  return html`<label
    >${title}<input name=${`.${name}`} inputmode=${kind === 'number' ? 'decimal' : 'text'}
  /></label>`
}

/** Fields of the params have a dot before their name, that of the member a space: they cannot meet. */
async function called(method: string, fields: Field[] | undefined, form: FormData): Promise<Outcome> {
  const textOf = (name: string) => String(form.get(name) ?? '')
  try {
    const whole = textOf('params')
    const written = Object.fromEntries((fields ?? []).map(({ name }) => [name, textOf(`.${name}`)]))
    const params =
      fields === undefined
        ? whole === ''
          ? undefined
          : (JSON.parse(whole) as unknown)
        : paramsOf(fields, written)
    const peer = textOf(' peer')
    const reply = await ask('/api/call', { method, params, ...(peer !== '' && { peer }) })
    return { reply: reply as LocalCallReply }
  } catch (error) {
    const { message } = error as Error
    return { error: { message, hint: error instanceof AskError ? error.hint : undefined } }
  }
}

function Result({ reply, error }: Outcome) {
  if (error !== undefined) return html`<${Failure} error=${error} />`
  if (reply === undefined) return ''
  const { value, bytes, name, peerId, path, ms } = reply
  const text = bytes === undefined ? JSON.stringify(value, undefined, 2) : JSON.stringify({ value, bytes })
  return html`
    <p>
      ${visible(name ?? peerId)} answered in ${Math.round(ms)} ms${path === undefined ? '' : ` (${path})`}.
    </p>
    <pre tabindex="0">${visible(text ?? 'no result')}</pre>
  `
}

/** A form that calls a method, made from the JSON Schema of its params. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import type { LocalCallReply, LocalService } from '@agent-mesh/protocol/local-api'
import { html } from 'htm/preact'

import { Outcome, useAct } from './act.ts'
import { fieldsOf, paramsOf, type Field } from './json-schema.ts'
import { visible } from './text.ts'

interface Props {
  /** `math@1` */
  service: string
  method: DescribedService['methods'][number]
  providers: LocalService['providers']
}

export function CallForm({ service, method, providers }: Props) {
  const fields = fieldsOf(method.params ?? {})
  const calling = useAct<LocalCallReply>()
  const name = `${service}.${method.name}`
  const call = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    if (method.effects === 'destroy' && !confirm(`${name} destroys something. Call it?`)) return
    try {
      const asked = { method: name, params: paramsIn(form, fields) }
      const peer = textIn(form, ' peer')
      void calling.run('/api/call', { ...asked, ...(peer !== '' && { peer }) })
    } catch (error) {
      calling.refuse((error as Error).message)
    }
  }
  return html`
    <form class="call" aria-label=${`Call ${name}`} onSubmit=${call}>
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
      <button disabled=${calling.isRunning}>Call</button>
    </form>
    <${Outcome} act=${calling} />
    <div aria-live="polite">${calling.value !== undefined && html`<${Result} reply=${calling.value} />`}</div>
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

const textIn = (form: FormData, name: string): string => String(form.get(name) ?? '')

/**
 * Fields of the params have a dot before their name, that of the member a space: they cannot meet.
 * @throws Error for what is not of its type
 */
function paramsIn(form: FormData, fields: readonly Field[] | undefined): unknown {
  if (fields === undefined) {
    const whole = textIn(form, 'params')
    return whole === '' ? undefined : (JSON.parse(whole) as unknown)
  }
  const written = fields.map(({ name }) => [name, textIn(form, `.${name}`)] as const)
  return paramsOf(fields, Object.fromEntries(written))
}

function Result({ reply: { value, bytes, name, peerId, path, ms } }: { reply: LocalCallReply }) {
  const text = bytes === undefined ? JSON.stringify(value, undefined, 2) : JSON.stringify({ value, bytes })
  return html`
    <p>
      ${visible(name ?? peerId)} answered in ${Math.round(ms)} ms${path === undefined ? '' : ` (${path})`}.
    </p>
    <pre tabindex="0">${visible(text ?? 'no result')}</pre>
  `
}

/** Options of calls as programs without types pass them: a misspelt one would be ignored without a word. */
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { checkOptions } from '../../core/option-names.ts'
import type { CallEachOptions } from './call-all.ts'
import type { AskOptions, CallOptions, StreamOptions } from './call-options.ts'

/** What an option may be, and how to say so. */
interface Form {
  readonly fits: (value: unknown) => boolean
  readonly is: string
}

/** Of those whose values are checked where they are used. */
const elsewhere: Form = { fits: () => true, is: '' }
const text: Form = { fits: value => typeof value === 'string', is: 'a text' }
const flag: Form = { fits: value => typeof value === 'boolean', is: 'true or false' }
const near: Form = {
  fits: value => value === 'zone' || value === 'region' || value === 'any',
  is: "'zone', 'region' or 'any'",
}
const object: Form = {
  fits: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  is: 'an object of texts',
}
const hedge: Form = {
  fits: value => typeof value === 'boolean' || (typeof value === 'object' && value !== null),
  is: 'true, false or { afterMs }',
}

type Forms = ReadonlyMap<string, Form>

const formsOf = <Options>(forms: Record<keyof Options, Form>): Forms => new Map(Object.entries<Form>(forms))

const common = { timeout: elsewhere, signal: elsewhere, metadata: object }
const chosen = { peer: text, app: text, key: elsewhere, near }

const asked = {
  ...common,
  ...chosen,
  idempotent: flag,
  hedge,
  cache: { fits: (value: unknown) => value === false, is: 'false, or nothing' },
}

export const callForms = formsOf<CallOptions>({
  ...asked,
  fallback: { fits: value => typeof value === 'function', is: 'a function of the error' },
})
export const askForms = formsOf<AskOptions>({ ...asked, explain: flag })
export const callAllForms = formsOf<CallEachOptions>({
  ...common,
  idempotent: flag,
  offline: flag,
  concurrency: elsewhere,
  each: flag,
})
export const streamForms = formsOf<StreamOptions>({
  ...common,
  ...chosen,
  input: elsewhere,
  window: elsewhere,
})

/**
 * One look at each option that is given, and nothing else: calls with options pay for it.
 * @throws MeshError `invalid_argument` naming the option, and what to write
 */
export function checkCallOptions<Options>(method: string, options: Options, forms: Forms): void {
  const refuse = (): void => checkOptions(options, [...forms.keys()], `call ${method}`)
  if (typeof options !== 'object' || options === null) return refuse()
  for (const name in options) {
    const form = forms.get(name)
    const value: unknown = options[name]
    if (form === undefined) refuse()
    else if (value !== undefined && !form.fits(value))
      throw invalidArgument(`call ${method}`, `${name} is ${shownValue(value)}`, `Give ${form.is}.`)
  }
}

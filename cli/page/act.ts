/** What a person does: a request whose outcome is shown beside what asked for it. */
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

import { Failure } from './asked.ts'
import { AskError, ask } from './session.ts'

export interface Act<T> {
  isRunning: boolean
  value?: T
  error?: { message: string; hint?: string | undefined }
  /** Resolves with the outcome; undefined when it failed, which {@link Act.error} then says. */
  run: (path: string, body: unknown) => Promise<T | undefined>
  /** Shows what kept it from being sent. */
  refuse: (message: string) => void
}

export function useAct<T>(): Act<T> {
  const [state, setState] = useState<Omit<Act<T>, 'run' | 'refuse'>>({ isRunning: false })
  const run = async (path: string, body: unknown): Promise<T | undefined> => {
    setState({ isRunning: true })
    try {
      const value = (await ask(path, body)) as T
      setState({ isRunning: false, value })
      return value
    } catch (thrown) {
      const { message } = thrown as Error
      const hint = thrown instanceof AskError ? thrown.hint : undefined
      setState({ isRunning: false, error: { message, hint } })
      return undefined
    }
  }
  return { ...state, run, refuse: message => setState({ isRunning: false, error: { message } }) }
}

export const Outcome = ({ act: { error } }: { act: Pick<Act<unknown>, 'error'> }) =>
  html`<div aria-live="polite">${error !== undefined && html`<${Failure} error=${error} />`}</div>`

/** The fields of a form, by name. */
export function fieldsIn(event: SubmitEvent): (name: string) => string {
  event.preventDefault()
  const form = new FormData(event.target as HTMLFormElement)
  return name => String(form.get(name) ?? '').trim()
}

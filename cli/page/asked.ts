/** What one request brings, in a component: its value, and why the last one brought none. */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { html } from 'htm/preact'
import { useCallback, useEffect, useState } from 'preact/hooks'

import { AskError, ask } from './session.ts'

export interface Asked<T> {
  /** The last one; it stays while later requests fail. */
  value?: T
  error?: AskError
  again: () => void
}

/** Resolves when the tab is visible. */
async function untilVisible(signal: AbortSignal): Promise<void> {
  while (document.visibilityState === 'hidden' && !signal.aborted)
    await new Promise(resolve =>
      document.addEventListener('visibilitychange', resolve, { once: true, signal }),
    )
}

/** Asks when the component is shown, again when the path changes, and so many ms after each answer while the tab is visible. */
export function useAsked<T>(path: string, everyMs?: number): Asked<T> {
  const [found, setFound] = useState<{ path?: string; value?: T; error?: AskError }>({})
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const leaving = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const askAgain = async () => {
      await untilVisible(leaving.signal)
      if (!leaving.signal.aborted) setTurn(before => before + 1)
    }
    void ask(path, undefined, leaving.signal)
      .then(
        value => setFound({ path, value: value as T }),
        (error: unknown) => {
          if (error instanceof AskError)
            setFound(before => ({ ...(before.path === path && before), path, error }))
        },
      )
      .then(() => {
        if (everyMs !== undefined && !leaving.signal.aborted)
          timer = setTimeout(() => void askAgain(), timerDelay(everyMs))
      })
    return () => {
      leaving.abort()
      clearTimeout(timer)
    }
  }, [path, turn])
  const again = useCallback(() => setTurn(before => before + 1), [])
  const { value, error } = found.path === path ? found : {}
  return { again, ...(value !== undefined && { value }), ...(error !== undefined && { error }) }
}

/** An error, and what to do. */
export const Failure = ({ error }: { error: { message: string; hint?: string | undefined } }) =>
  html`<p class="failure" role="alert">${error.message}${error.hint ? html`<br />${error.hint}` : ''}</p>`

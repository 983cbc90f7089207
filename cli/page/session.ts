/** Requests to the page's server: the cookie comes along by itself, the proof of the session is in a header. */
const proofKey = 'agent-mesh-page'

/** What the server answered in place of a result. */
export class AskError extends Error {
  readonly status: number
  readonly hint: string | undefined

  constructor(status: number, message: string, hint?: string) {
    super(message)
    this.status = status
    this.hint = hint
  }
}

/** Exchanges the key of a one-time address. Without one, this browser may have opened the page before. @throws AskError */
export async function openSession(): Promise<void> {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')
  if (key === null) return
  // Neither history nor bookmarks keep it.
  history.replaceState(null, '', location.pathname)
  const { proof } = (await ask('/session', { key })) as { proof: string }
  localStorage.setItem(proofKey, proof)
}

/** @param body of a POST; absent: GET @throws AskError */
export async function ask(path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  const reply = await asked(path, body, signal)
  return reply.json()
}

/** @throws AskError */
export async function asked(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers = { 'mesh-page': localStorage.getItem(proofKey) ?? '' }
  const sent =
    body === undefined
      ? { headers }
      : {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }
  const reply = await fetch(path, { ...sent, ...(signal !== undefined && { signal }) }).catch(
    (error: unknown) => {
      if (signal?.aborted === true) throw error
      throw new AskError(0, 'The command does not answer.', 'Run "agent-mesh page" again.')
    },
  )
  if (reply.ok) return reply
  const { detail, hint } = (await reply.json().catch(() => ({}))) as { detail?: string; hint?: string }
  throw new AskError(reply.status, detail ?? `The command answered ${reply.status}.`, hint)
}

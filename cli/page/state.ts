/** What the page knows, kept up to date by the live stream while the tab is visible. */
import { useEffect, useState } from 'preact/hooks'

import type { LiveChange, LiveFacts } from '../src/page/live-members.ts'
import type { MemberRow } from '../src/page/member-row.ts'
import { AskError, asked } from './session.ts'

export interface PageState {
  /** By peer id; another map after each change. */
  rows: ReadonlyMap<string, MemberRow>
  facts: LiveFacts
  /** `opening`, then `live`; `lost` while the command does not answer, `closed` when the session is over. */
  link: 'opening' | 'live' | 'lost' | 'closed'
  error?: AskError | undefined
}

let state: PageState = { rows: new Map(), facts: {}, link: 'opening' }
const listeners = new Set<(next: PageState) => void>()

function change(next: Partial<PageState>): void {
  state = { ...state, ...next }
  for (const listener of listeners) listener(state)
}

export function usePageState(): PageState {
  const [now, setNow] = useState(state)
  useEffect(() => {
    listeners.add(setNow)
    setNow(state)
    return () => void listeners.delete(setNow)
  }, [])
  return now
}

export function nameOf(peerId: string): string {
  return state.rows.get(peerId)?.name ?? peerId
}

/** The session cannot be used: another address is needed. */
export const close = (error: unknown): void =>
  change({ link: 'closed', error: error instanceof AskError ? error : new AskError(0, String(error)) })

const againMs = 1_000
let following: AbortController | undefined

/** Follows the members from now on; a hidden tab costs nothing. */
export function keepLive(): void {
  document.addEventListener('visibilitychange', followWhileVisible)
  followWhileVisible()
}

function followWhileVisible(): void {
  following?.abort()
  following = undefined
  if (document.visibilityState === 'hidden' || state.link === 'closed') return
  following = new AbortController()
  void follow(following.signal)
}

async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { body } = await asked('/api/live', undefined, signal)
      if (body !== null) for await (const each of changesOf(body)) apply(each)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof AskError && error.status === 401) return close(error)
      change({ link: 'lost', error: error instanceof AskError ? error : undefined })
    }
    await new Promise(resolve => setTimeout(resolve, againMs))
  }
}

/** The messages of a stream of server-sent events, which have data alone. */
async function* changesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveChange> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader()
  let pieces: string[] = []
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    if (!value.includes('\n')) {
      pieces.push(value)
      continue
    }
    const messages = [...pieces, value].join('').split('\n\n')
    pieces = [messages.pop() ?? '']
    for (const message of messages)
      if (message.startsWith('data: ')) yield JSON.parse(message.slice(6)) as LiveChange
  }
}

function apply({ rows, gone, whole, facts }: LiveChange): void {
  const known = new Map(whole === true ? [] : state.rows)
  for (const row of rows) known.set(row.peerId, row)
  for (const peerId of gone) known.delete(peerId)
  const isSame = rows.length + gone.length === 0 && whole !== true
  change({
    link: 'live',
    error: undefined,
    ...(!isSame && { rows: known }),
    ...(facts !== undefined && { facts }),
  })
}

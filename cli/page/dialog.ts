/** What stands before the page until it is closed, by its button or Escape; the focus stays within it. */
import { html } from 'htm/preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ComponentChildren } from 'preact'

interface Props {
  title: string
  onClose: () => void
  children: ComponentChildren
}

export function Dialog({ title, onClose, children }: Props) {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => element.current?.showModal(), [])
  return html`
    <dialog ref=${element} aria-labelledby="dialog-title" onClose=${onClose}>
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button onClick=${() => element.current?.close()}>Close</button>
      </header>
      ${children}
    </dialog>
  `
}

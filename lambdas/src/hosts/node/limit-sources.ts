import type { Socket } from 'node:net'

/** A listener of `connection` that closes those of an address that has `most` already: no stranger takes all places. */
export function limitSources(most: number): (socket: Socket) => void {
  const open = new Map<string, number>()
  return socket => {
    const source = socket.remoteAddress ?? ''
    const count = (open.get(source) ?? 0) + 1
    if (count > most) return void socket.destroy()
    open.set(source, count)
    socket.once('close', () => {
      const left = (open.get(source) ?? 1) - 1
      if (left === 0) open.delete(source)
      else open.set(source, left)
    })
  }
}

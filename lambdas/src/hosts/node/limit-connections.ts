import type { Socket } from 'node:net'
import type { SourcePlaces } from './source-places.ts'

/** A listener of `connection` that closes connections of a source above its limit: no stranger uses up the places of others. */
export const limitConnections =
  (places: SourcePlaces) =>
  (socket: Socket): void => {
    const leave = places.take(socket.remoteAddress ?? '')
    if (leave === undefined) return void socket.destroy()
    socket.once('close', leave)
  }

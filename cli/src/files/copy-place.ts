/** Where "cp" copies from and to: `web-1:/var/log/x`, or a path of this machine. */
import { resolve } from 'node:path'

import { InvalidArgumentError } from 'commander'

import { parsePeer } from '../name-arguments.ts'
import { partsOf } from './file-path.ts'

export interface RemotePlace {
  readonly peer: string
  readonly path: string
}

export interface LocalPlace {
  readonly peer?: undefined
  readonly path: string
}

export type CopyPlace = RemotePlace | LocalPlace

/** @throws InvalidArgumentError */
export function parseCopyPlace(text: string): CopyPlace {
  // Of a variable of a script that is not set: it would be the current folder.
  if (text === '') throw new InvalidArgumentError('It is empty: the current folder is "."')
  const at = text.indexOf(':')
  const isDrive = process.platform === 'win32' && at === 1
  // A file of this machine with a colon in its name is ./a:b.
  if (at < 1 || isDrive || text.slice(0, at).includes('/')) return { path: resolve(text) + slashOf(text) }
  return parseRemotePlace(text)
}

/** @throws InvalidArgumentError */
export function parseRemotePlace(text: string): RemotePlace {
  const at = text.indexOf(':')
  if (at < 1) throw new InvalidArgumentError('It is not MEMBER:PATH, like web-1:/var/log/syslog.')
  const path = text.slice(at + 1)
  if (partsOf(path) === undefined)
    throw new InvalidArgumentError('Its path is not absolute, or has . or .. in it: web-1:/var/log/syslog.')
  return { peer: parsePeer(text.slice(0, at)), path }
}

const slashOf = (text: string): string => (/[/\\]$/.test(text) && text.length > 1 ? '/' : '')

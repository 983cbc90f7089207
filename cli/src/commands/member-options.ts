/** What `up` and `relay` both take. */
import { Option } from 'commander'

import { collect, parseListen } from '../arguments.ts'
import type { MemberFlags } from '../daemon/options.ts'

type SameAsStarted = 'join' | 'name' | 'region' | 'announce' | 'logLevel'

export interface MemberOptions extends Pick<MemberFlags, SameAsStarted> {
  metrics?: { host: string; port: number }
}

export const joinOption = (about: string) => new Option('--join <token>', `${about} (first start only)`)

export const nameOption = () => new Option('--name <name>', 'wanted name (default: the host name)')

export const regionOption = (about: string) => new Option('--region <region>', about)

/** @param otherwise where it listens without the option */
export const listenOption = (otherwise: string) =>
  new Option('--listen <addr>', `address to listen on; may be repeated (default: ${otherwise})`).argParser(
    collect,
  )

export const announceOption = (about: string) =>
  new Option('--announce <addr>', `${about} to tell others instead; may be repeated`).argParser(collect)

export const metricsOption = () =>
  new Option('--metrics <host:port>', 'serve /health, /ready and /metrics there').argParser(parseListen)

import type { Contracts } from '../services/index.ts'
import type { Agent } from './agent.ts'

/**
 * What a program needs of an agent to serve and to call: an {@link Agent}, or one of a test mesh. Code that takes this type runs in
 * both.
 */
export type ServiceAgent<C extends Contracts = readonly []> = Pick<
  Agent<C>,
  | 'name'
  | 'peerId'
  | 'serve'
  | 'call'
  | 'ask'
  | 'callAll'
  | 'stream'
  | 'service'
  | 'describe'
  | 'waitFor'
  | 'on'
  | 'use'
  | 'invalidate'
  | 'stop'
>

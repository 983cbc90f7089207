/** For programs beside an agent: `@agent-mesh/agent/attach`. It loads what calls need, and no transport. */
export { MeshError } from '@agent-mesh/protocol/errors'
export { coded, codec } from '../services/contract/coded.ts'
export { defineService } from '../services/contract/contract.ts'
export { defineTopic } from '../topics/contract.ts'
export { isErrorOf } from '../services/contract/declared-errors.ts'
export { attach, type AttachOptions } from './attach.ts'
export type { AttachedAgent } from './attached-agent.ts'

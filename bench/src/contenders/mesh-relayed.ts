import { meshContender } from './mesh-agents.ts'

export const contender = meshContender('relay')

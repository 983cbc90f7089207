import { MeshError, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { checkOptions } from '../../core/option-names.ts'
import type { CacheRules } from '../contract/contract.ts'
import { cacheDefaults } from './defaults.ts'

const { tags, tagChars } = cacheDefaults
/** Tags of an answer. */
export const tagList = z
  .array(z.string().check(z.minLength(1), z.maxLength(tagChars)))
  .check(z.maxLength(tags))

const tagged = z.object({ tags: tagList })

/** Tags of `agent.invalidate({ tags })`, as a program without types may pass them. @throws MeshError `invalid_argument` */
export function taggedBy(answers: unknown): string[] {
  const action = 'invalidate cached answers'
  checkOptions(answers, ['tags'], action, true)
  return parse(tagged, answers, action).tags
}

/** Tags of the answer to a call. @throws MeshError `invalid_argument` for what a contract makes of the params that are no tags */
export function answerTags(cache: CacheRules, params: unknown, method: string): string[] {
  if (cache.tags === undefined) return []
  try {
    return parse(tagged, { tags: cache.tags(params as never) }, `tag the answer of ${method}`).tags
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError('invalid_argument', `Cannot tag the answer of ${method}: its contract failed`, {
      cause,
    })
  }
}

import { describe, expect, test } from 'vitest'
import { MeshError } from '../errors.ts'
import { parse } from '../parse.ts'
import { errorOfProblem, problemOf, problemSchema } from './problem.ts'

describe('problem details', () => {
  test('carry an error over HTTP and back, without its cause', () => {
    const cause = new Error('password is hunter2')
    const sent = new MeshError('map_gap', 'Cannot read map: too old', {
      cause,
      hint: 'Start anew.',
      details: { epoch: 'one' },
    })
    const problem = problemOf(sent)
    expect(JSON.stringify(problem)).not.toContain('hunter2')
    expect(problem).toMatchObject({ type: 'urn:agent-mesh:error:map_gap', status: 410 })
    const received = errorOfProblem(parse(problemSchema, JSON.parse(JSON.stringify(problem)), 'read problem'))
    expect(received).toMatchObject({
      code: 'map_gap',
      message: sent.message,
      hint: 'Start anew.',
      details: { epoch: 'one' },
    })
    expect(received?.cause).toBeUndefined()
    expect([sent.told, received?.told]).toEqual([false, true])
  })

  test('keep that the handler of a call was not begun', () => {
    for (const notStarted of [true, false]) {
      const problem = problemOf(new MeshError('overloaded', 'Cannot call a.b', { notStarted }))
      expect(errorOfProblem(problem)?.notStarted).toBe(notStarted)
    }
  })

  test('of a later version, with a code this one does not know, are left to the reader', () => {
    const problem = { ...problemOf(new MeshError('internal', 'x')), code: 'too_purple' }
    expect(errorOfProblem(problem)).toBeUndefined()
  })
})

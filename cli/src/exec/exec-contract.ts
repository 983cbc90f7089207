/** The service `exec`: programs of a machine that its owner lets members run. */
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod/mini'

import { execEnd, execRequest } from './exec-values.ts'

export const execContract = defineService({
  name: 'exec',
  version: 1,
  methods: {
    run: {
      about:
        'Runs an allowed program: takes its standard input, yields what it writes, behind 1 (output) or 2 (error).',
      params: execRequest,
      takes: z.instanceof(Uint8Array),
      yields: z.instanceof(Uint8Array),
      result: execEnd,
      effects: 'destroy',
    },
  },
})

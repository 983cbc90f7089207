/** The service `files`: what members may do below the folders that the owner of a machine allows. */
import { defineService } from '@agent-mesh/agent'
import { transferOfferSchema } from '@agent-mesh/protocol/transfer'
import * as z from 'zod/mini'

import { fileEntries, fileEntry, filePath, putRequest, tailRequest } from './file-values.ts'

const ofPath = z.object({ path: filePath })

export const filesContract = defineService({
  name: 'files',
  version: 1,
  methods: {
    stat: { about: 'What is at a path.', params: ofPath, result: fileEntry, effects: 'read' },
    list: {
      about: 'The entries of a folder, in parts; recursive: also of those below it.',
      params: z.object({ path: filePath, recursive: z.boolean() }),
      yields: fileEntries,
      result: z.object({ entries: z.number() }),
      effects: 'read',
    },
    get: { about: 'An offer of a file.', params: ofPath, result: transferOfferSchema, effects: 'read' },
    put: {
      about: 'Saves an offered file; one that is there is replaced once all of it is on disk.',
      params: putRequest,
      result: z.object({ bytes: z.number() }),
      effects: 'write',
      idempotent: true,
    },
    tail: {
      about: 'The last lines of a file, or of the log of the agent, then what is added to it.',
      params: tailRequest,
      yields: z.instanceof(Uint8Array),
      result: z.object({}),
      effects: 'read',
    },
    mkdir: {
      about: 'Makes a folder where there is none.',
      params: ofPath,
      result: z.object({ made: z.boolean() }),
      effects: 'write',
      idempotent: true,
    },
  },
})

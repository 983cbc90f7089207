/** The service of test/rolling with a fault: each handler runs twice. For the self-test. */
import { implementService } from '@agent-mesh/agent'
import { work as contract } from '../rolling/work-contract.ts'
import { work as right } from '../rolling/work-service.ts'

const { look, book } = right.handlers

export const work = implementService(contract, {
  look: async (params, context) => {
    await look(params, context)
    return look(params, context)
  },
  book: async (params, context) => {
    await book(params, context)
    return book(params, context)
  },
})

/** Options that are addresses: see address-form.ts. */
import { limits } from '@agent-mesh/protocol/limits'
import * as z from 'zod/mini'
import { announced, listened, multiaddrOf, refusalOf, type AddressUse } from './address-form.ts'

const addressField = (use: AddressUse) =>
  z.pipe(
    z.pipe(z.string().check(z.maxLength(limits.addrChars)), z.transform(multiaddrOf)),
    z.string().check(
      z.refine(addr => refusalOf(addr, use) === undefined, {
        error: ({ input }) => refusalOf(String(input), use),
      }),
    ),
  )

export const listenField = addressField(listened)

export const announceField = addressField(announced)
